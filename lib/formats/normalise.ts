import type { CsvFormat, FileFormat } from '../contract/dataset.ts';
import { inflated } from './compression.ts';
import { toUtf8 } from './encoding.ts';
import { jsonElements, jsonFields, jsonLines } from './json-records.ts';
import { LIMITS } from './limits.ts';
import { Preamble } from './preamble.ts';
import type { FileProfile } from './profile.ts';
import { QuoteState } from './quote-state.ts';

/** A record that is none; `record` is its number in the file, from 1. */
export interface RejectedRecord {
  readonly record: number;
  readonly code: string;
  readonly start: number;
  readonly end: number;
}

export interface NormaliseOptions {
  readonly onReject: (record: RejectedRecord) => void;
}

/**
 * The records in a form that the engine's parser takes: CSV keeps its dialect, in UTF-8 with LF and without the skipped lines; JSON
 * becomes CSV with comma, double quotes and the profile's header. Order and number of records stay, but for those reported as rejected.
 */
export async function* normalise(
  body: AsyncIterable<Uint8Array>,
  format: FileFormat,
  profile: FileProfile,
  { onReject }: NormaliseOptions,
): AsyncGenerator<Uint8Array> {
  const plain = (await inflated(body[Symbol.asyncIterator]())).body;
  if (format.kind === 'csv') yield* lineFeeds(toUtf8(plain, format.encoding), format, profile);
  else if (format.kind !== 'parquet') yield* jsonAsCsv(plain, format.kind, profile.header ?? [], onReject);
}

/** Bytes of a record after which it is certainly refused. */
const CUT = LIMITS.recordBytes + 64 * 1024;

/**
 * Records end with LF, skipped and blank lines are gone, and of a record that is too long for the engine only as much is left as makes
 * it refuse it. What DuckDB would pass over, fields too many that are empty, ends with a sign.
 */
async function* lineFeeds(
  body: AsyncIterable<Buffer>,
  format: CsvFormat,
  { lineEnd, hasBlankLines, hasLongRecords, hasSurplusDelimiters }: FileProfile,
): AsyncGenerator<Uint8Array> {
  const preamble = new Preamble(format.skipLines);
  const isPlain = hasBlankLines !== true && hasLongRecords !== true && hasSurplusDelimiters !== true;
  if (lineEnd === 'lf' && isPlain) {
    for await (const chunk of body) yield preamble.rest(chunk);
    return;
  }
  const quotes = new QuoteState(format);
  const delimiter = format.delimiter.charCodeAt(0);
  const surplus = surplusSign(format);
  let expected: number | undefined;
  let delimiters = 0;
  let last = -1;
  let afterCr = false;
  let hasBytes = false;
  let recordBytes = 0;
  let isCutInQuotes = false;
  const isSurplus = () => last === delimiter && delimiters > (expected ?? delimiters);
  for await (const whole of body) {
    const chunk = preamble.rest(whole);
    // A sign more for each line at most; a record that an earlier chunk began may need its closing quote.
    const out = Buffer.allocUnsafe(chunk.length * 2 + CLOSING);
    let length = 0;
    for (const byte of chunk) {
      const ended = afterCr;
      afterCr = false;
      if (ended && byte === LF) continue; // the CR before it has been written as LF
      const endsLine = !quotes.inQuotes && (byte === CR || byte === LF);
      afterCr = endsLine && byte === CR;
      if (!endsLine) {
        if (!quotes.inQuotes && byte === delimiter) delimiters++;
        last = quotes.inQuotes ? -1 : byte;
        quotes.take(byte);
        hasBytes = true;
        if (++recordBytes <= CUT) out[length++] = byte;
        else if (recordBytes === CUT + 1) isCutInQuotes = quotes.inQuotes;
        continue;
      }
      quotes.restart();
      if (!hasBytes) continue;
      if (isCutInQuotes) for (const sign of [PLAIN, format.quote.charCodeAt(0)]) out[length++] = sign;
      if (isSurplus()) out[length++] = surplus;
      out[length++] = LF;
      expected ??= delimiters;
      delimiters = 0;
      last = -1;
      hasBytes = false;
      recordBytes = 0;
      isCutInQuotes = false;
    }
    yield out.subarray(0, length);
  }
  if (isSurplus()) yield Buffer.of(surplus);
}

/** Stands for what has been cut; before it may be an escape. */
const PLAIN = 'x'.charCodeAt(0);
/** Bytes that close a record cut inside quotes. */
const CLOSING = 2;
const LF = 10;
const CR = 13;
/** Any sign does that is no blank, line end, delimiter, quote or escape. */
const surplusSign = ({ delimiter, quote, escape }: CsvFormat): number =>
  Buffer.from('0123').find((sign) => ![delimiter, quote, escape].includes(String.fromCharCode(sign))) ?? 0;

const LINES_AT_ONCE = 1000;

async function* jsonAsCsv(
  body: AsyncIterable<Uint8Array>,
  kind: 'json' | 'jsonl',
  header: readonly string[],
  onReject: NormaliseOptions['onReject'],
): AsyncGenerator<Uint8Array> {
  let mark = 0;
  const text = toUtf8(body, 'utf-8', (bytes) => {
    mark = bytes;
  });
  let lines = [csvLine(header)];
  let number = 0;
  for await (const { text: record, start, end } of kind === 'json' ? jsonElements(text) : jsonLines(text)) {
    number++;
    const fields = jsonFields(record);
    const line = fields === undefined ? undefined : csvLine(header.map((key) => fields.get(key) ?? null));
    const refuse = (code: string) => onReject({ record: number, code, start: mark + start, end: mark + end });
    if (line === undefined) refuse('record.malformed');
    // Refused here and not by the parser, which would number it among the rewritten records.
    else if (Buffer.byteLength(line) >= LIMITS.recordBytes) refuse('record.too_long');
    else lines.push(line);
    if (lines.length >= LINES_AT_ONCE) {
      yield Buffer.from(lines.join(''));
      lines = [];
    }
  }
  yield Buffer.from(lines.join(''));
}

/** Null is nothing, an empty text is two quotes; a record of one null field would be a blank line, so a field of no column follows. */
const csvLine = (fields: readonly (string | null)[]): string =>
  `${fields.map((field) => (field === null ? '' : `"${field.replaceAll('"', '""')}"`)).join(',')},\n`;
