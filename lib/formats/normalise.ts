import type { CsvFormat, FileFormat } from '../contract/dataset.ts';
import { inflated } from './compression.ts';
import { toUtf8 } from './encoding.ts';
import { jsonElements, jsonFields, jsonLines } from './json-records.ts';
import { LIMITS } from './limits.ts';
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
 * The records in a form that the engine's parser takes: CSV keeps its dialect, in UTF-8 with LF; JSON becomes CSV with
 * comma, double quotes and the profile's header. Order and number of records stay, but for those reported as rejected.
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
 * Records end with LF, blank lines after the skipped ones are gone, and of a record that is too long for the engine only as much is
 * left as makes it refuse it.
 */
async function* lineFeeds(
  body: AsyncIterable<Buffer>,
  format: CsvFormat,
  { lineEnd, hasBlankLines, hasLongRecords }: FileProfile,
): AsyncGenerator<Uint8Array> {
  if (lineEnd === 'lf' && hasBlankLines !== true && hasLongRecords !== true) {
    yield* body;
    return;
  }
  const quotes = new QuoteState(format);
  let afterCr = false;
  let hasBytes = false;
  let toSkip = format.skipLines;
  let recordBytes = 0;
  let isCutInQuotes = false;
  for await (const chunk of body) {
    // A record that an earlier chunk began may need its closing quote.
    const out = Buffer.allocUnsafe(chunk.length + CLOSING);
    let length = 0;
    for (const byte of chunk) {
      const ended = afterCr;
      afterCr = false;
      if (ended && byte === LF) continue; // the CR before it has been written as LF
      const endsLine = !quotes.inQuotes && (byte === CR || byte === LF);
      afterCr = endsLine && byte === CR;
      if (endsLine) quotes.restart();
      else quotes.take(byte);
      const isBlank = endsLine && !hasBytes && toSkip === 0;
      if (endsLine && toSkip > 0) toSkip--;
      hasBytes = !endsLine;
      if (endsLine) {
        if (isCutInQuotes) for (const sign of [PLAIN, format.quote.charCodeAt(0)]) out[length++] = sign;
        recordBytes = 0;
        isCutInQuotes = false;
      } else if (++recordBytes > CUT) {
        if (recordBytes === CUT + 1) isCutInQuotes = quotes.inQuotes;
        continue;
      }
      if (!isBlank) out[length++] = endsLine ? LF : byte;
    }
    yield out.subarray(0, length);
  }
}

/** Stands for what has been cut; before it may be an escape. */
const PLAIN = 'x'.charCodeAt(0);
/** Bytes that close a record cut inside quotes. */
const CLOSING = 2;
const LF = 10;
const CR = 13;

const LINES_AT_ONCE = 1000;

async function* jsonAsCsv(
  body: AsyncIterable<Uint8Array>,
  kind: 'json' | 'jsonl',
  header: readonly string[],
  onReject: NormaliseOptions['onReject'],
): AsyncGenerator<Uint8Array> {
  const text = toUtf8(body, 'utf-8');
  let lines = [csvLine(header)];
  let number = 0;
  for await (const { text: record, start, end } of kind === 'json' ? jsonElements(text) : jsonLines(text)) {
    number++;
    const fields = jsonFields(record);
    if (fields === undefined) onReject({ record: number, code: 'record.malformed', start, end });
    else lines.push(csvLine(header.map((key) => fields.get(key) ?? null)));
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
