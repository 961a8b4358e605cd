import { isUtf8 } from 'node:buffer';
import { TextDecoder } from 'node:util';
import type { CsvEncoding } from '../contract/dataset.ts';
import { FormatProblem } from './problem.ts';

const NUL = 0;

export interface EncodingOptions {
  /** Gets how many bytes the mark of a UTF-8 file has; they are known with the first text. */
  readonly mark?: Mark;
  /** What the contract can be changed in, where it says the encoding. */
  readonly setting?: 'csv.encoding' | 'fixedWidth.encoding';
}

export interface Mark {
  bytes: number;
}

/** The bytes as UTF-8 without byte order mark. @throws FormatProblem `file.encoding` with the offset of the first bad byte */
export async function* toUtf8(
  body: AsyncIterable<Uint8Array>,
  encoding: CsvEncoding,
  { mark = { bytes: 0 }, setting }: EncodingOptions = {},
): AsyncGenerator<Buffer> {
  let offset = 0;
  const decode = decoder(encoding, mark, (at, cause) => wrongEncoding(encoding, at, setting, cause));
  for await (const bytes of withWholeMark(body)) {
    const text = decode(bytes, offset);
    offset += bytes.length;
    if (text.length > 0) yield checked(text, offset);
  }
  const rest = decode(undefined, offset);
  if (rest.length > 0) yield checked(rest, offset);
}

const MARK = Buffer.from([0xef, 0xbb, 0xbf]);

/** A byte order mark is not split: the first chunk has it whole. */
async function* withWholeMark(body: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let start: Buffer | undefined = Buffer.alloc(0);
  for await (const chunk of body) {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    const joined: Buffer = start === undefined || start.length === 0 ? bytes : Buffer.concat([start, bytes]);
    start = start !== undefined && joined.length < MARK.length ? joined : undefined;
    if (start === undefined) yield joined;
  }
  if (start !== undefined) yield start;
}

function checked(text: Buffer, offset: number): Buffer {
  if (!text.includes(NUL)) return text;
  throw new FormatProblem(
    'file.encoding',
    `there is a NUL byte before byte ${offset}; the file is not text or not in the encoding of the contract`,
  );
}

/** Called with undefined at the end of the file. */
type Decode = (bytes: Buffer | undefined, offset: number) => Buffer;

type Wrong = (offset: number, cause?: unknown) => FormatProblem;

function decoder(encoding: CsvEncoding, mark: Mark, wrong: Wrong): Decode {
  switch (encoding) {
    case 'utf-8':
      return utf8(mark, wrong);
    case 'latin-1':
      return (bytes) => Buffer.from(bytes?.toString('latin1') ?? '');
    case 'windows-1252':
      return decodedBy(() => new TextDecoder('windows-1252', { fatal: true }), wrong);
    case 'utf-16':
      return decodedBy(
        (bytes) =>
          new TextDecoder(bytes[0] === 0xfe && bytes[1] === 0xff ? 'utf-16be' : 'utf-16le', { fatal: true }),
        wrong,
      );
  }
}

function decodedBy(choose: (first: Buffer) => TextDecoder, wrong: Wrong): Decode {
  let chosen: TextDecoder | undefined;
  return (bytes, offset) => {
    chosen ??= choose(bytes ?? Buffer.alloc(0));
    try {
      return Buffer.from(chosen.decode(bytes, { stream: bytes !== undefined }));
    } catch (error) {
      throw wrong(offset, error);
    }
  };
}

/** Validates without copying; a character that is split between chunks is held back. */
function utf8(mark: Mark, wrong: Wrong): Decode {
  let held: Buffer = Buffer.alloc(0);
  return (bytes, offset) => {
    if (bytes === undefined) {
      if (held.length > 0) throw wrong(offset - held.length);
      return held;
    }
    const joined = held.length === 0 ? bytes : Buffer.concat([held, bytes]);
    const end = joined.length - incompleteBytes(joined);
    const whole = joined.subarray(0, end);
    if (!isUtf8(whole)) throw wrong(offset - held.length + firstBadByte(whole));
    held = Buffer.from(joined.subarray(end));
    if (offset > 0 || !whole.subarray(0, MARK.length).equals(MARK)) return whole;
    mark.bytes = MARK.length;
    return whole.subarray(MARK.length);
  };
}

/** Bytes at the end that begin a character and do not finish it: 0 to 3. */
function incompleteBytes(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (byte < 0x80) return 0;
    if (byte >= 0xc0) return back < (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2) ? back : 0;
  }
  return 0;
}

/** By halving: the first position up to which the bytes are not valid. */
function firstBadByte(bytes: Buffer): number {
  let low = 0;
  let high = bytes.length;
  while (low + 1 < high) {
    const middle = (low + high) >> 1;
    const part = bytes.subarray(0, middle);
    if (isUtf8(part.subarray(0, part.length - incompleteBytes(part)))) low = middle;
    else high = middle;
  }
  return low;
}

function wrongEncoding(
  encoding: CsvEncoding,
  offset: number,
  setting: EncodingOptions['setting'],
  cause?: unknown,
): FormatProblem {
  const said =
    setting === undefined
      ? ': send the file in it'
      : `; the contract says encoding ${encoding}: send the file in it, or change ${setting}`;
  return new FormatProblem('file.encoding', `the bytes at ${offset} are not ${encoding}${said}`, cause);
}
