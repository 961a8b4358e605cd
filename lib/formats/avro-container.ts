import { crc32, inflateRawSync, zstdDecompressSync } from 'node:zlib';
import { snappyUncompressor } from 'hysnappy';
import { ByteSource } from './byte-source.ts';
import { LIMITS } from './limits.ts';
import { FormatProblem } from './problem.ts';

/** An Avro object container file (https://avro.apache.org/docs/1.12.0/specification/#object-container-files), block by block. */
export interface AvroContainer {
  /** The writer's schema as JSON text. */
  readonly schema: string;
  readonly blocks: AsyncIterable<AvroBlock>;
}

export interface AvroBlock {
  /** Records as the block's head states them. */
  readonly count: number;
  readonly bytes: Buffer;
  /** Where the block stands in the file. */
  readonly start: number;
  readonly end: number;
}

const MAGIC = Buffer.from('Obj\x01', 'latin1');

/** @throws FormatProblem where the file is none, is cut off, or a block's checksum or marker is wrong */
export async function openAvro(body: AsyncIterable<Uint8Array>): Promise<AvroContainer> {
  const source = new ByteSource(body);
  if (await source.atEnd())
    throw new FormatProblem('file.empty', 'the file has no bytes; send it again or ask its source');
  const magic = await source.take(MAGIC.length);
  if (magic?.equals(MAGIC) !== true)
    throw new FormatProblem('file.format', 'the file is no Avro container file: it does not start with Obj');
  const meta = await metadata(source);
  const marker = Buffer.from(await taken(source, 16));
  const codec = meta.get('avro.codec')?.toString() ?? 'null';
  const inflate = CODECS[codec];
  if (inflate === undefined)
    throw new FormatProblem(
      'file.format',
      `codec ${JSON.stringify(codec)} is not supported; allowed: ${Object.keys(CODECS).join(', ')}`,
    );
  const schema = meta.get('avro.schema');
  if (schema === undefined) throw damaged();
  return { schema: schema.toString(), blocks: blocks(source, marker, inflate) };
}

async function metadata(source: ByteSource): Promise<ReadonlyMap<string, Buffer>> {
  const found = new Map<string, Buffer>();
  for (;;) {
    const stated = await long(source);
    if (stated === 0) return found;
    if (stated < 0) await long(source);
    for (let left = Math.abs(stated); left > 0; left--) {
      const key = (await sized(source)).toString();
      found.set(key, await sized(source));
    }
  }
}

async function sized(source: ByteSource): Promise<Buffer> {
  const length = await long(source);
  if (source.offset + length > LIMITS.headerBytes)
    throw new FormatProblem('file.too_large', `the header has more than ${LIMITS.headerBytes} bytes`);
  return Buffer.from(await taken(source, length));
}

async function* blocks(source: ByteSource, marker: Buffer, inflate: Inflate): AsyncGenerator<AvroBlock> {
  let plain = 0;
  while (!(await source.atEnd())) {
    const start = source.offset;
    const count = await long(source);
    const length = await long(source);
    if (length > LIMITS.blockBytes) throw tooLarge();
    const packed = await taken(source, length);
    if (!(await taken(source, marker.length)).equals(marker)) throw damaged();
    const bytes = unpacked(packed, inflate);
    plain += bytes.length;
    // As of every other packed file: a hundred kilobytes could be a gigabyte, in as many records.
    if (plain > LIMITS.freeBytes + source.offset * LIMITS.inflation)
      throw new FormatProblem(
        'file.too_large',
        `inflates to more than ${LIMITS.inflation} times its size; send it in parts`,
      );
    // Every record takes at least a byte, so a head that states more is wrong, and can't make us loop.
    if (count < 0 || count > bytes.length) throw damaged();
    yield { count, bytes, start, end: source.offset };
  }
}

function unpacked(packed: Buffer, inflate: Inflate): Buffer {
  try {
    return inflate(packed);
  } catch (error) {
    if (error instanceof FormatProblem) throw error;
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge();
    throw damaged(error);
  }
}

type Inflate = (packed: Buffer) => Buffer;

const bounded = { maxOutputLength: LIMITS.blockBytes };

const CODECS: Readonly<Record<string, Inflate>> = {
  null: (packed) => packed,
  deflate: (packed) => inflateRawSync(packed, bounded),
  zstandard: (packed) => zstdDecompressSync(packed, bounded),
  snappy,
};

/** Snappy's bytes, then the CRC-32 of what they hold, big-endian. */
function snappy(packed: Buffer): Buffer {
  const body = packed.subarray(0, -4);
  const length = plainLength(body);
  if (packed.length < 5 || length === undefined) throw damaged();
  if (length > LIMITS.blockBytes) throw tooLarge();
  const plain = Buffer.from(snappyUncompressor()(body, length));
  if (crc32(plain) !== packed.readUInt32BE(packed.length - 4)) throw damaged();
  return plain;
}

function plainLength(bytes: Buffer): number | undefined {
  let length = 0;
  for (let at = 0; at < 5; at++) {
    const byte = bytes[at];
    if (byte === undefined) return undefined;
    length += (byte & 0x7f) * 2 ** (7 * at);
    if (byte < 0x80) return length;
  }
  return undefined;
}

/** A zigzag number of the container itself: counts and sizes. */
async function long(source: ByteSource): Promise<number> {
  let value = 0n;
  for (let shift = 0n; shift < 70n; shift += 7n) {
    const byte = (await taken(source, 1))[0] ?? 0;
    value |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80) return Number((value >> 1n) ^ -(value & 1n));
  }
  throw damaged();
}

async function taken(source: ByteSource, length: number): Promise<Buffer> {
  const bytes = length < 0 ? undefined : await source.take(length);
  if (bytes === undefined) throw damaged();
  return bytes;
}

const damaged = (cause?: unknown): FormatProblem =>
  new FormatProblem('file.format', 'the Avro file is cut off or damaged; send it again', cause);

const tooLarge = (): FormatProblem =>
  new FormatProblem('file.too_large', `a block of the Avro file has more than ${LIMITS.blockBytes} bytes`);
