import { Readable } from 'node:stream';
import { createGunzip, createZstdDecompress, type Gunzip, type ZstdDecompress } from 'node:zlib';
import { LIMITS } from './limits.ts';
import type { RandomAccess } from './parquet-profile.ts';
import { FormatProblem } from './problem.ts';

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
  if (compression === 'none') return { compression, parts: one(whole) };
  if (compression === 'zip') {
    if (random === undefined)
      throw new FormatProblem('file.format', 'the members of an archive can only be read, not changed');
    return { compression, parts: members(random) };
  }
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

const FREE_BYTES = 10 * 1024 * 1024;

type Packed = Exclude<Compression, 'none' | 'zip'>;

async function* unpacked(body: AsyncGenerator<Uint8Array>, compression: Packed): AsyncGenerator<Uint8Array> {
  let packed = 0;
  let plain = 0;
  const counted = (async function* () {
    for await (const chunk of body) {
      packed += chunk.length;
      yield chunk;
    }
  })();
  for await (const chunk of DECODERS[compression](counted)) {
    plain += chunk.length;
    if (plain > FREE_BYTES + packed * LIMITS.inflation) {
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

const DECODERS: Readonly<Record<Packed, Decode>> = {
  gzip: (body) => piped(body, createGunzip(CHUNK), 'gzip'),
  zstd: zstdFrame,
  bzip2: bunzipped,
};

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

/** The decoder is a stream of Node's oldest kind, which answers within the call. It checks the checksums. */
async function* bunzipped(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const { default: unbzip2 } = await import('unbzip2-stream');
  const decoder = unbzip2();
  let plain: Uint8Array[] = [];
  let failure: unknown;
  decoder.on('data', (chunk: Uint8Array) => plain.push(chunk));
  decoder.on('error', (error: unknown) => {
    failure ??= error;
  });
  const taken = () => {
    if (failure !== undefined) throw damaged('bzip2', failure);
    const chunks = plain;
    plain = [];
    return chunks;
  };
  for await (const chunk of body) {
    decoder.write(Buffer.from(chunk));
    yield* taken();
  }
  decoder.end();
  yield* taken();
}

const damaged = (name: Packed, cause: unknown): FormatProblem =>
  new FormatProblem('file.format', `the ${name} stream is cut off or damaged; send the file again`, cause);

const severalFrames = (): FormatProblem =>
  new FormatProblem(
    'file.format',
    'something follows the first zstd frame; pack the file as one frame (zstd, not pzstd), or send its parts one by one',
  );
