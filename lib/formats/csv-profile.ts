import type { CsvFormat } from '../contract/dataset.ts';
import { splitRecord } from './csv-record.ts';
import { CsvScanner } from './csv-scanner.ts';
import { toUtf8 } from './encoding.ts';
import type { Content } from './file-profile.ts';
import { LIMITS } from './limits.ts';
import { FormatProblem } from './problem.ts';

/** Enough for every trailer line. */
const TAIL_BYTES = 64 * 1024;

export async function profileCsv(body: AsyncIterable<Uint8Array>, format: CsvFormat): Promise<Content> {
  const scanner = new CsvScanner(format);
  let head: Buffer = Buffer.alloc(0);
  let tail: Buffer = Buffer.alloc(0);
  for await (const chunk of toUtf8(body, format.encoding, { setting: 'csv.encoding' })) {
    if (head.length < LIMITS.headerBytes) head = Buffer.concat([head, chunk.subarray(0, LIMITS.headerBytes)]);
    if (format.trailer !== undefined)
      tail = Buffer.concat([tail, chunk.subarray(-TAIL_BYTES)]).subarray(-TAIL_BYTES);
    scanner.push(chunk);
  }
  if (head.length === 0)
    throw new FormatProblem('file.empty', 'the file has no bytes; send it again or ask its source');
  const { records, unterminated, longest, ...kinds } = scanner.end();
  const quirks = { ...kinds, ...(longest > LIMITS.engineRecordBytes ? { hasLongRecords: true } : {}) };
  if (unterminated !== undefined) {
    throw new FormatProblem(
      'file.format',
      `a quoted field that starts in record ${unterminated} is never closed, so nobody can tell where records end; close the quote or send the file again`,
    );
  }
  const first = splitRecord(head.toString(), format);
  if (first === undefined || first.length > LIMITS.columns || first.join().length >= LIMITS.headerBytes) {
    throw new FormatProblem(
      'file.too_large',
      `the first record has more than ${LIMITS.columns} fields or ${LIMITS.headerBytes} bytes; send fewer columns, or check delimiter and line ends`,
    );
  }
  const rows = records - (format.header ? 1 : 0);
  if (format.trailer === undefined) return { ...shape(first, format), records: Math.max(rows, 0), ...quirks };
  return {
    ...shape(first, format),
    records: Math.max(rows - 1, 0),
    ...quirks,
    trailer: trailerOf(tail, format, format.trailer.prefix),
  };
}

const shape = (first: readonly string[], { header }: CsvFormat): Pick<Content, 'header' | 'width'> =>
  header ? { header: first } : { width: first.length };

function trailerOf(tail: Buffer, format: CsvFormat, prefix: string): readonly string[] {
  const last =
    tail
      .toString()
      .trimEnd()
      .split(/\r\n|\r|\n/)
      .at(-1) ?? '';
  const fields = splitRecord(last, { ...format, skipLines: 0 }) ?? [];
  if (fields[0] === prefix) return fields;
  throw new FormatProblem(
    'file.control_total',
    `the last record is no trailer: its first field is not ${JSON.stringify(prefix)}; the file may be cut off, send it again`,
  );
}
