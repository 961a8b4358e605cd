import { type AsyncBuffer, parquetMetadataAsync, parquetSchema } from 'hyparquet';
import type { Content, RandomAccess } from './file-profile.ts';
import { LIMITS } from './limits.ts';
import { checkPages } from './parquet-checksums.ts';
import { FormatProblem } from './problem.ts';

/** Rows and columns as the footer states them, read by hyparquet and not by the engine; pages are held against their checksums. */
export async function profileParquet(
  body: AsyncIterable<Uint8Array>,
  random: RandomAccess,
): Promise<Content> {
  if (random.bytes === 0)
    throw new FormatProblem('file.empty', 'the file has no bytes; send it again or ask its source');
  try {
    const metadata = await parquetMetadataAsync(asyncBuffer(random));
    await checkPages(body, metadata);
    const columns = parquetSchema(metadata).children;
    const header = columns.map(({ element }) => element.name);
    if (header.length > LIMITS.columns)
      throw new FormatProblem('file.too_large', `more than ${LIMITS.columns} columns`);
    const groups = metadata.row_groups.map(({ num_rows }) => num_rows);
    if (
      groups.some((rows) => rows < 0n) ||
      groups.reduce((sum, rows) => sum + rows, 0n) !== metadata.num_rows
    )
      throw new Error('the numbers of rows that the footer states do not agree');
    return {
      records: Number(metadata.num_rows),
      plainBytes: metadata.row_groups.reduce((sum, group) => sum + Number(group.total_byte_size), 0),
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

/** A file as hyparquet reads it. */
export const asyncBuffer = (random: RandomAccess): AsyncBuffer => ({
  byteLength: random.bytes,
  slice: async (start, end = random.bytes) => {
    const bytes = await random.slice(start < 0 ? random.bytes + start : start, end);
    return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
  },
});

type Column = ReturnType<typeof parquetSchema>;

function typeOf({ element, children }: Column): string {
  const { type, type_length, repetition_type, converted_type, logical_type, scale, precision } = element;
  const isList = repetition_type === 'REPEATED';
  const inner = children.map((child) => [child.element.name, typeOf(child)]);
  const facts = { type, type_length, isList, converted_type, logical_type, scale, precision, inner };
  return JSON.stringify(facts);
}
