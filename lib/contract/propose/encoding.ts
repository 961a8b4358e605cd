import { isUtf8 } from 'node:buffer';
import type { CsvEncoding } from '../dataset.ts';

export type FormatKind = 'csv' | 'json' | 'jsonl' | 'parquet';

/** Kind of a file by its first bytes, which gzip no longer hides. CSV is what nothing else is. */
export function kindOf(head: Buffer): FormatKind {
  if (head.subarray(0, 4).toString('latin1') === 'PAR1') return 'parquet';
  const text = head
    .toString('utf8')
    .replace(/^\uFEFF/, '')
    .trimStart();
  if (text.startsWith('[') && /^\[\s*[[{\]]/.test(text)) return 'json';
  if (text.startsWith('{') && /^\{\s*("|\})/.test(text)) return 'jsonl';
  return 'csv';
}

/** First bytes, in hex. */
const OTHERS: readonly (readonly [string, string])[] = [
  ['4f626a01', 'an Avro file'],
  ['504b0304', 'a workbook or a ZIP archive'],
  ['d0cf11e0', 'a workbook of Excel 97'],
  ['28b52ffd', 'packed by zstd'],
  ['425a68', 'packed by bzip2'],
];

/** What a file is by its first bytes, where it is nothing that a contract can be proposed for. */
export function otherKindOf(head: Buffer): string | undefined {
  const first = head.toString('hex', 0, 4);
  const found = OTHERS.find(([signs]) => first.startsWith(signs))?.[1];
  return found ?? (/^\uFEFF?\s*<[?!a-z]/i.test(head.toString('utf8', 0, 1000)) ? 'XML' : undefined);
}

/** One decoder reads a head, whether or not its last character is whole. */
export function encodingOf(head: Buffer): CsvEncoding {
  const [first, second] = head;
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)) return 'utf-16';
  if (head.subarray(0, 1000).includes(0)) return 'utf-16';
  return isUtf8(wholeCharacters(head)) ? 'utf-8' : 'windows-1252';
}

/** Without the bytes of a character that the head cut off. */
function wholeCharacters(head: Buffer): Buffer {
  for (let back = 1; back <= Math.min(3, head.length); back++) {
    const byte = head[head.length - back] ?? 0;
    if (byte >= 0xc0) return head.subarray(0, head.length - back);
    if (byte < 0x80) break;
  }
  return head;
}

export const decoded = (head: Buffer, encoding: CsvEncoding): string => {
  const name =
    encoding === 'utf-16' && head[0] === 0xfe ? 'utf-16be' : encoding === 'utf-16' ? 'utf-16le' : encoding;
  return new TextDecoder(name === 'latin-1' ? 'windows-1252' : name).decode(
    encoding === 'utf-8' ? wholeCharacters(head) : head,
  );
};
