import { Readable } from 'node:stream';
import { createGunzip, createZstdDecompress, type Gunzip, type ZstdDecompress } from 'node:zlib';
import type { Bunzip } from './bunzip.ts';
import type { Compression, RandomAccess } from './file-profile.ts';
import { LIMITS } from './limits.ts';
import { FormatProblem } from './problem.ts';

/** The plain bytes of a file, or of one member of an archive. */
export interface Part {
  /** Of a member. */
  readonly name?: string;
  readonly body: AsyncIterable<Uint8Array>;
}

export interface Inflated {
  readonly compression: Compression;
  /** Once all is read: gzip that `gzip -d` takes and DuckDB 1.5.6 may not. */
  readonly isOddGzip: () => boolean;
  /** One, but for archives; each must be read to its end before the next. */
  readonly parts: AsyncIterable<Part>;
}

/**
 * The plain bytes of a file; how it is packed is recognised by its first bytes, not by the name. Who gives the body closes it (`return`),
 * for a reader that gives up leaves it open.
 * @throws FormatProblem for a ZIP archive where `random` is not given
 */
export async function inflated(
  body: AsyncIterator<Uint8Array>,
  random?: RandomAccess,
  mayInflate = true,
): Promise<Inflated> {
  const head: Uint8Array[] = [];
  let length = 0;
  while (length < LONGEST_MAGIC) {
    const next = await body.next();
    if (next.done === true) break;
    head.push(next.value);
    length += next.value.length;
  }
  const compression = mayInflate ? compressionOf(Buffer.concat(head)) : 'none';
  const whole = prepended(head, body);
  const plain = { compression, isOddGzip: () => false };
  if (compression === 'none') return { ...plain, parts: one(whole) };
  if (compression === 'zip') {
    if (random === undefined)
      throw new FormatProblem('file.format', 'the members of an archive can only be read, not changed');
    return { ...plain, parts: members(random) };
  }
  if (compression !== 'gzip') return { ...plain, parts: one(unpacked(whole, DECODERS[compression])) };
  let isOddGzip = false;
  const decode: Decode = (packed) =>
    gunzipped(packed, () => {
      isOddGzip = true;
    });
  return { compression, isOddGzip: () => isOddGzip, parts: one(unpacked(whole, decode)) };
}

/** RFC 1952, RFC 8878, the block mark of bzip2 (pi, or its square root at the end of an empty file), APPNOTE.TXT 4.3.7 and 4.3.16. */
const MAGIC: readonly (readonly [Compression, readonly string[]])[] = [
  ['gzip', ['1f8b']],
  ['zstd', ['28b52ffd']],
  ['bzip2', ['314159265359', '177245385090']],
  ['zip', ['504b0304', '504b0506']],
];
const LONGEST_MAGIC = 10;

const compressionOf = (head: Buffer): Compression => {
  // Before the mark of its first block a bzip2 stream has BZh and a digit.
  const from = /^BZh[1-9]/.test(head.toString('latin1', 0, 4)) ? 4 : 0;
  const signs = head.toString('hex', from, LONGEST_MAGIC);
  return MAGIC.find(([, magic]) => magic.some((each) => signs.startsWith(each)))?.[0] ?? 'none';
};

async function* prepended(
  head: readonly Uint8Array[],
  rest: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  yield* head;
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
}

async function* one(body: AsyncIterable<Uint8Array>): AsyncGenerator<Part> {
  yield { body };
}

async function* members(random: RandomAccess): AsyncGenerator<Part> {
  const { zipMembers } = await import('./zip-archive.ts');
  const found = await zipMembers(random);
  if (found.some(({ name }) => name === 'xl/workbook.xml'))
    throw new FormatProblem(
      'file.format',
      'this is an XLSX workbook; send the format that the contract says, or change the contract to format xlsx',
    );
  if (found.length === 0)
    throw new FormatProblem('file.empty', 'the archive has no members; send it again or ask its source');
  for (const member of found) yield { name: member.name, body: member.read() };
}

type Packed = Exclude<Compression, 'none' | 'zip'>;

async function* unpacked(body: AsyncGenerator<Uint8Array>, decode: Decode): AsyncGenerator<Uint8Array> {
  let packed = 0;
  let plain = 0;
  const counted = (async function* () {
    for await (const chunk of body) {
      packed += chunk.length;
      yield chunk;
    }
  })();
  for await (const chunk of decode(counted)) {
    plain += chunk.length;
    if (plain > LIMITS.freeBytes + packed * LIMITS.inflation) {
      throw new FormatProblem(
        'file.too_large',
        `inflates to more than ${LIMITS.inflation} times its size; send it in parts`,
      );
    }
    yield chunk;
  }
}

type Decode = (body: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>;

const CHUNK = { chunkSize: 1024 * 1024 };

const DECODERS: Readonly<Record<Exclude<Packed, 'gzip'>, Decode>> = {
  zstd: zstdFrame,
  bzip2: bunzipped,
};

/** FNAME of RFC 1952: the one optional field that DuckDB passes over for certain. */
const FILE_NAME = 8;
const FLAGS_AT = 3;

/**
 * Node's decoder goes on to the next member, and ends at a zero byte without a word. Blocks of zeros behind the stream come from tapes;
 * anything else there would be lost. @param onOdd called for optional fields, for more members than one, and for zeros
 */
async function* gunzipped(body: AsyncIterable<Uint8Array>, onOdd: () => void): AsyncGenerator<Uint8Array> {
  const decoder = createGunzip(CHUNK);
  let packed = 0;
  let plain = 0;
  let flags = 0;
  /** Behind the last byte that is not zero. */
  let end = 0;
  let tail: Buffer = Buffer.alloc(0);
  const counted = (async function* () {
    for await (const chunk of body) {
      if (packed <= FLAGS_AT) flags = chunk[FLAGS_AT - packed] ?? flags;
      const last = chunk.findLastIndex((byte) => byte !== 0);
      if (last !== -1) end = packed + last + 1;
      packed += chunk.length;
      tail = Buffer.concat([tail, chunk.subarray(-SIZE_BYTES)]).subarray(-SIZE_BYTES);
      yield chunk;
    }
  })();
  // Without `return`: what follows the stream is read, too.
  const open = { [Symbol.asyncIterator]: () => ({ next: () => counted.next() }) };
  for await (const chunk of piped(open, decoder, 'gzip')) {
    plain += chunk.length;
    yield chunk;
  }
  for await (const _rest of counted);
  if (end > decoder.bytesWritten)
    throw new FormatProblem(
      'file.format',
      'something follows the gzip stream that is neither another one nor zeros; send the file again',
    );
  const isWhole = packed === decoder.bytesWritten && tail.readUInt32LE() === plain % 2 ** 32;
  if (!isWhole || (flags & ~FILE_NAME) !== 0) onOdd();
}

/** The last member ends with its size modulo 2^32. */
const SIZE_BYTES = 4;

async function* piped(
  body: AsyncIterable<Uint8Array>,
  decoder: Gunzip | ZstdDecompress,
  name: Packed,
): AsyncGenerator<Uint8Array> {
  const source = Readable.from(body, { objectMode: false });
  source.pipe(decoder);
  source.on('error', (error) => decoder.destroy(error));
  try {
    yield* decoder as AsyncIterable<Uint8Array>;
  } catch (error) {
    if (!/^(Z_|ZSTD_|ERR_ZSTD)/.test(String((error as NodeJS.ErrnoException).code))) throw error;
    throw damaged(name, error);
  } finally {
    source.destroy();
  }
}

/** Node 24 stops after the first frame and says nothing, so what follows it is looked for. */
async function* zstdFrame(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const decoder = createZstdDecompress(CHUNK);
  let packed = 0;
  const counted = (async function* () {
    for await (const chunk of body) {
      packed += chunk.length;
      yield chunk;
    }
  })();
  yield* piped(counted, decoder, 'zstd');
  if (decoder.bytesWritten < packed) throw severalFrames();
}

async function* bunzipped(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const { Bunzip } = await import('./bunzip.ts');
  const bunzip = new Bunzip();
  const blocks = function* (isEnd: boolean) {
    for (;;) {
      const block = nextOf(bunzip, isEnd);
      if (block === undefined) return;
      yield block;
    }
  };
  for await (const chunk of body) {
    bunzip.push(chunk);
    yield* blocks(false);
  }
  yield* blocks(true);
}

function nextOf(bunzip: Bunzip, isEnd: boolean): Uint8Array | undefined {
  try {
    return bunzip.next(isEnd);
  } catch (error) {
    throw damaged('bzip2', error);
  }
}

const damaged = (name: Packed, cause: unknown): FormatProblem =>
  new FormatProblem('file.format', `the ${name} stream is cut off or damaged; send the file again`, cause);

const severalFrames = (): FormatProblem =>
  new FormatProblem(
    'file.format',
    'something follows the first zstd frame; pack the file as one frame (zstd, not pzstd), or send its parts one by one',
  );
