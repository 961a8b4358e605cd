import { crc32 } from 'node:zlib';
import type { FileMetaData } from 'hyparquet';
import { ByteSource } from './byte-source.ts';
import { FormatProblem } from './problem.ts';

/** Bytes that are summed at once. */
const PIECE = 64 * 1024;
/** A header that is longer is none; statistics in it are the two ends of a page's values. */
const MOST_HEADER_BYTES = 1024 * 1024;

/**
 * Holds every page against the checksum in its header, in one pass over the bytes: DuckDB 1.5.6 and hyparquet 1.31 don't look. Pages without a
 * checksum, and a column chunk that is not where the footer says, are left to the engine. @throws FormatProblem where a page has changed
 */
export async function checkPages(body: AsyncIterable<Uint8Array>, metadata: FileMetaData): Promise<void> {
  const source = new ByteSource(body);
  for (const { start, end, column } of chunksOf(metadata)) {
    if (start < source.offset) continue;
    await pass(source, start - source.offset);
    while (source.offset < end) {
      const page = await pageHeader(source);
      if (page === undefined || page.crc === undefined || source.offset + page.bytes > end) break;
      if (crc32OfInt(page.crc) === (await pass(source, page.bytes))) continue;
      throw new FormatProblem(
        'file.format',
        `a page of column ${column} does not match its checksum: the file was damaged after it was written; send it again`,
      );
    }
  }
}

interface Chunk {
  readonly start: number;
  readonly end: number;
  readonly column: string;
}

const chunksOf = ({ row_groups }: FileMetaData): readonly Chunk[] =>
  row_groups
    .flatMap(({ columns }) =>
      columns.flatMap(({ meta_data: meta }) => {
        if (meta === undefined) return [];
        // Some writers say 0 where there is no dictionary.
        const start = Number(meta.dictionary_page_offset || meta.data_page_offset);
        const column = meta.path_in_schema.join('/');
        return [{ start, end: start + Number(meta.total_compressed_size), column }];
      }),
    )
    .sort((a, b) => a.start - b.start);

/** Checksum of the bytes that are passed. */
async function pass(source: ByteSource, bytes: number): Promise<number> {
  let sum = 0;
  for (let left = bytes; left > 0; left -= PIECE) {
    const piece = await source.take(Math.min(left, PIECE));
    if (piece === undefined) return sum;
    sum = crc32(piece, sum);
  }
  return sum;
}

/** Thrift has no unsigned integers. */
const crc32OfInt = (crc: number): number => crc >>> 0;

/** PageHeader of parquet.thrift, fields 3 and 4. Undefined where there is none. */
async function pageHeader(
  source: ByteSource,
): Promise<{ bytes: number; crc?: number | undefined } | undefined> {
  try {
    const fields = await new Compact(source).struct();
    const [bytes, crc] = [fields.get(3), fields.get(4)];
    return bytes === undefined || bytes < 0 ? undefined : { bytes, crc };
  } catch (error) {
    if (error instanceof NoHeader) return undefined;
    throw error;
  }
}

class NoHeader extends Error {}

/** Thrift's compact protocol, of which only integers matter. */
class Compact {
  readonly #source: ByteSource;
  readonly #end: number;

  constructor(source: ByteSource) {
    this.#source = source;
    this.#end = source.offset + MOST_HEADER_BYTES;
  }

  /** Integers by field id; what else there is, is passed over. */
  async struct(): Promise<ReadonlyMap<number, number>> {
    const fields = new Map<number, number>();
    let id = 0;
    for (let sign = await this.#byte(); sign !== 0; sign = await this.#byte()) {
      id = sign >> 4 === 0 ? zigzag(await this.#varint()) : id + (sign >> 4);
      const value = await this.#value(sign & 15);
      if (value !== undefined) fields.set(id, value);
    }
    return fields;
  }

  async #value(type: number): Promise<number | undefined> {
    if (type === 1 || type === 2) return undefined; // a boolean is its type
    if (type === 4 || type === 5 || type === 6) return zigzag(await this.#varint());
    if (type === 3) await this.#bytes(1);
    else if (type === 7) await this.#bytes(8);
    else if (type === 8) await this.#bytes(await this.#varint());
    else if (type === 12) await this.struct();
    else throw new NoHeader();
    return undefined;
  }

  async #varint(): Promise<number> {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = await this.#byte();
      if (shift < 32) value |= (byte & 127) << shift;
      if (byte < 128) return value >>> 0;
    }
  }

  #byte = async (): Promise<number> => (await this.#bytes(1))[0] ?? 0;

  async #bytes(length: number): Promise<Buffer> {
    if (this.#source.offset + length > this.#end) throw new NoHeader();
    const bytes = await this.#source.take(length);
    if (bytes === undefined) throw new NoHeader();
    return bytes;
  }
}

const zigzag = (value: number): number => (value >>> 1) ^ -(value & 1);
