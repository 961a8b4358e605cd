import { parquetMetadataAsync, parquetSchema } from 'hyparquet';
import { LIMITS } from './limits.ts';
import { FormatProblem } from './problem.ts';
import type { Content } from './profile.ts';

/** Reads parts of the file: Parquet keeps its footer at the end. */
export interface RandomAccess {
  readonly bytes: number;
  slice(start: number, end: number): Promise<Uint8Array>;
}

/** Rows and columns as the footer states them, read by hyparquet and not by the engine. */
export async function profileParquet(
  body: AsyncIterable<Uint8Array>,
  random: RandomAccess,
): Promise<Content> {
  for await (const _chunk of body);
  if (random.bytes === 0)
    throw new FormatProblem('file.empty', 'the file has no bytes; send it again or ask its source');
  try {
    const metadata = await parquetMetadataAsync({
      byteLength: random.bytes,
      slice: async (start, end = random.bytes) => {
        const bytes = await random.slice(start < 0 ? random.bytes + start : start, end);
        return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
      },
    });
    const columns = parquetSchema(metadata).children;
    const header = columns.map(({ element }) => element.name);
    if (header.length > LIMITS.columns)
      throw new FormatProblem('file.too_large', `more than ${LIMITS.columns} columns`);
    return {
      records: Number(metadata.num_rows),
      header,
      types: columns.map(typeOf),
      nested: columns.map(({ children }) => children.length > 0),
    };
  } catch (error) {
    if (error instanceof FormatProblem) throw error;
    throw new FormatProblem(
      'file.format',
      'the Parquet footer is missing or damaged; send the file again',
      error,
    );
  }
}

type Column = ReturnType<typeof parquetSchema>;

function typeOf({ element, children }: Column): string {
  const { type, type_length, repetition_type, converted_type, logical_type, scale, precision } = element;
  const isList = repetition_type === 'REPEATED';
  const inner = children.map((child) => [child.element.name, typeOf(child)]);
  const facts = { type, type_length, isList, converted_type, logical_type, scale, precision, inner };
  return JSON.stringify(facts);
}
