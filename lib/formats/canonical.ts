import { LIMITS } from './limits.ts';

/** A record that is none. `start` and `end`: bytes in the file, null where the format does not tell them. */
export interface RefusedRecord {
  readonly code: string;
  readonly start: number | null;
  readonly end: number | null;
}

/** A text for each name of the header, null where there is no value; or why there is no record. */
export type ParsedRecord = readonly (string | null)[] | RefusedRecord;

/** Records in the order of the file. */
export type Records = AsyncIterable<readonly ParsedRecord[]>;

export const isRefused = (record: ParsedRecord): record is RefusedRecord => 'code' in record;

export const refusedRecord = (code: string): RefusedRecord => ({ code, start: null, end: null });

/** A record that is none; `record` is its number in the file, from 1. */
export interface RejectedRecord extends RefusedRecord {
  readonly record: number;
}

const PART = 256 * 1024;

/** CSV with comma, double quotes, LF and a header. What the engine's parser could not take or UTF-8 not hold is refused here. */
export async function* canonicalCsv(
  header: readonly string[],
  records: Records,
  onReject: (record: RejectedRecord) => void,
): AsyncGenerator<Uint8Array> {
  let text = csvLine(header);
  let number = 0;
  for await (const batch of records) {
    const first = number + 1;
    let lines = '';
    for (const record of batch) {
      number++;
      if (isRefused(record)) onReject({ record: number, ...record });
      else lines += csvLine(record);
    }
    text += isFit(lines) ? lines : fitLines(batch, first, onReject);
    if (text.length >= PART) {
      yield Buffer.from(text);
      text = '';
    }
  }
  yield Buffer.from(text);
}

/** For many lines at once, because it nearly always holds. */
const isFit = (lines: string): boolean =>
  lines.length < LIMITS.recordBytes / 3 && !lines.includes('\0') && lines.isWellFormed();

function fitLines(
  batch: readonly ParsedRecord[],
  first: number,
  onReject: (record: RejectedRecord) => void,
): string {
  let lines = '';
  for (const [index, record] of batch.entries()) {
    if (isRefused(record)) continue;
    const line = csvLine(record);
    const code = isFit(line) ? undefined : unfit(line);
    if (code === undefined) lines += line;
    else onReject({ record: first + index, ...refusedRecord(code) });
  }
  return lines;
}

/** Null is nothing, an empty text is two quotes; a record of one null field would be a blank line, so a field of no column follows. */
export function csvLine(fields: readonly (string | null)[]): string {
  let line = '';
  for (const field of fields) {
    if (field === null) line += ',';
    else line += field.includes('"') ? `"${field.replaceAll('"', '""')}",` : `"${field}",`;
  }
  return `${line}\n`;
}

function unfit(line: string): string | undefined {
  if (Buffer.byteLength(line) >= LIMITS.recordBytes) return 'record.too_long';
  return line.includes('\0') || !line.isWellFormed() ? 'record.malformed' : undefined;
}
