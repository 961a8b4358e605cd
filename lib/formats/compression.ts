import { type Duplex, Readable } from 'node:stream';
import { createGunzip, createZstdDecompress, type ZstdDecompress } from 'node:zlib';
import unbzip2 from 'unbzip2-stream';
import { LIMITS } from './limits.ts';
import type { RandomAccess } from './parquet-profile.ts';
import { FormatProblem } from './problem.ts';
import { zipMembers } from './zip-archive.ts';

export type Compression = 'none' | 'gzip' | 'zstd' | 'bzip2' | 'zip';

/** The plain bytes of a file, or of one member of an archive. */
export interface Part {
  /** Of a member. */
  readonly name?: string;
  readonly body: AsyncIterable<Uint8Array>;
}

export interface Inflated {
  readonly compression: Compression;
  /** One, but for archives; each must be read to its end before the next. */
  readonly parts: AsyncIterable<Part>;
}

/** The plain bytes of a file; how it is packed is recognised by its first bytes, not by the name. */
export async function inflated(
  body: AsyncIterator<Uint8Array>,
  random: RandomAccess,
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
  if (compression === 'none') return { compression, parts: one(whole) };
  if (compression === 'zip') return { compression, parts: members(random) };
  return { compression, parts: one(unpacked(whole, compression)) };
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
  const found = await zipMembers(random);
  if (found.length === 0)
    throw new FormatProblem('file.empty', 'the archive has no members; send it again or ask its source');
  for (const member of found) yield { name: member.name, body: member.read() };
}

const FREE_BYTES = 10 * 1024 * 1024;

type Packed = Exclude<Compression, 'none' | 'zip'>;

const DECODERS: Readonly<Record<Packed, () => Duplex>> = {
  gzip: () => createGunzip({ chunkSize: 1024 * 1024 }),
  zstd: () => createZstdDecompress({ chunkSize: 1024 * 1024 }),
  bzip2: () => unbzip2() as Duplex,
};

async function* unpacked(body: AsyncGenerator<Uint8Array>, compression: Packed): AsyncGenerator<Uint8Array> {
  let packed = 0;
  let plain = 0;
  let failure: unknown;
  const counted = (async function* () {
    try {
      for await (const chunk of body) {
        packed += chunk.length;
        yield chunk;
      }
    } catch (error) {
      failure = error;
      throw error;
    }
  })();
  const source = Readable.from(counted, { objectMode: false });
  const decoder = source.pipe(DECODERS[compression]());
  source.on('error', (error) => decoder.destroy(error));
  try {
    // The bzip2 decoder is a stream of the oldest kind, which Node wraps.
    const chunks = compression === 'bzip2' ? new Readable().wrap(decoder) : decoder;
    for await (const chunk of chunks as AsyncIterable<Uint8Array>) {
      plain += chunk.length;
      if (plain > FREE_BYTES + packed * LIMITS.inflation) {
        throw new FormatProblem(
          'file.too_large',
          `inflates to more than ${LIMITS.inflation} times its size; send it in parts`,
        );
      }
      yield chunk;
    }
    // Node 24 stops after the first frame and says nothing.
    if (compression === 'zstd' && (decoder as ZstdDecompress).bytesWritten < packed) throw severalFrames();
  } catch (error) {
    if (failure !== undefined) throw failure;
    if (error instanceof FormatProblem || !isAboutBytes(error, compression)) throw error;
    throw new FormatProblem(
      'file.format',
      `the ${compression} stream is cut off or damaged; send the file again`,
      error,
    );
  } finally {
    source.destroy();
  }
}

const severalFrames = (): FormatProblem =>
  new FormatProblem(
    'file.format',
    'something follows the first zstd frame; pack the file as one frame (zstd, not pzstd), or send its parts one by one',
  );

const isAboutBytes = (error: unknown, compression: Packed): boolean =>
  compression === 'bzip2' || /^(Z_|ZSTD_|ERR_ZSTD)/.test(String((error as NodeJS.ErrnoException).code));
