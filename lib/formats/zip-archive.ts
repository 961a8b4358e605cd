import { Readable } from 'node:stream';
import { crc32, createInflateRaw } from 'node:zlib';
import { type Entry, fromRandomAccessReaderPromise, RandomAccessReader, type ZipFile } from 'yauzl';
import type { RandomAccess } from './file-profile.ts';
import { LIMITS } from './limits.ts';
import { FormatProblem } from './problem.ts';

/** A file in a ZIP archive, in the order of the archive's directory. */
export interface Member {
  readonly name: string;
  /** Checks length and CRC-32. */
  read(): AsyncGenerator<Uint8Array>;
}

/**
 * Members of a ZIP archive without its folders and what macOS adds.
 * @throws FormatProblem where the directory is damaged, has too many members, or a member is encrypted or packed in an unknown way;
 * while reading, where a member is damaged or all of them inflate beyond the limit
 */
export async function zipMembers(random: RandomAccess): Promise<readonly Member[]> {
  return whileReading(async () => {
    const reader = new Slices(random);
    const zip = await fromRandomAccessReaderPromise(reader, random.bytes, { autoClose: false });
    const budget = { left: LIMITS.freeBytes + random.bytes * LIMITS.inflation };
    const members: Member[] = [];
    for await (const entry of zip.eachEntry()) {
      if (entry.fileName.endsWith('/') || entry.fileName.startsWith('__MACOSX/')) continue;
      if (members.length === LIMITS.members)
        throw new FormatProblem('file.too_large', `the archive has more than ${LIMITS.members} members`);
      refuseUnreadable(entry);
      members.push({ name: entry.fileName, read: readerOf(zip, entry, budget) });
    }
    return members;
  });
}

const AT_ONCE = 1024 * 1024;

class Slices extends RandomAccessReader {
  readonly #random: RandomAccess;

  constructor(random: RandomAccess) {
    super();
    this.#random = random;
  }

  override _readStreamForRange(start: number, end: number): Readable {
    const random = this.#random;
    const parts = async function* () {
      for (let at = start; at < end; at += AT_ONCE) yield await random.slice(at, Math.min(at + AT_ONCE, end));
    };
    return Readable.from(parts(), { objectMode: false });
  }
}

function refuseUnreadable(entry: Entry): void {
  const refuse = (message: string): never => {
    throw new FormatProblem('file.format', `member ${entry.fileName} ${message}`);
  };
  if (entry.isEncrypted()) refuse('is encrypted; send it without a password');
  if (entry.compressionMethod !== 0 && entry.compressionMethod !== 8)
    refuse(`is packed by method ${entry.compressionMethod}; allowed: 0 (stored), 8 (deflate)`);
}

/** Bytes count once, however often a member is read. */
function readerOf(zip: ZipFile, entry: Entry, budget: { left: number }): () => AsyncGenerator<Uint8Array> {
  let spent = 0;
  return () => {
    budget.left += spent;
    spent = 0;
    return inflatedMember(zip, entry, (bytes) => {
      spent += bytes;
      budget.left -= bytes;
      return budget.left >= 0;
    });
  };
}

async function* inflatedMember(
  zip: ZipFile,
  entry: Entry,
  maySpend: (bytes: number) => boolean,
): AsyncGenerator<Uint8Array> {
  const packed = await whileReading(() => zip.openReadStreamPromise(entry, { decodeFileData: false }));
  const stream = entry.compressionMethod === 8 ? inflatedStream(packed) : packed;
  const chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
  let checksum = 0;
  let length = 0;
  try {
    for (;;) {
      const next = await whileReading(() => chunks.next());
      if (next.done === true) break;
      checksum = crc32(next.value, checksum);
      length += next.value.length;
      if (!maySpend(next.value.length))
        throw new FormatProblem(
          'file.too_large',
          `the archive inflates to more than ${LIMITS.inflation} times its size; send it in parts`,
        );
      yield next.value;
    }
  } finally {
    packed.destroy();
    stream.destroy();
  }
  if (checksum !== entry.crc32 || length !== entry.uncompressedSize)
    throw damaged(new Error(`the checksum of ${entry.fileName} is wrong`));
}

/** `yauzl` would inflate 16 KiB at a time. */
function inflatedStream(packed: Readable): Readable {
  const inflate = createInflateRaw({ chunkSize: 64 * 1024 });
  packed.on('error', (error) => inflate.destroy(error));
  return packed.pipe(inflate);
}

/** Errors of the store stay what they are; `yauzl` and `zlib` throw plain errors about the bytes. */
async function whileReading<Value>(action: () => Promise<Value>): Promise<Value> {
  try {
    return await action();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const isPlain = code === undefined && error instanceof Error && error.constructor === Error;
    if (isPlain || String(code).startsWith('Z_')) throw damaged(error);
    throw error;
  }
}

const damaged = (cause: unknown): FormatProblem =>
  new FormatProblem('file.format', 'the ZIP archive is cut off or damaged; send the file again', cause);
