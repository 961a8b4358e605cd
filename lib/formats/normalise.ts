import type { CsvFormat, FileFormat } from '../contract/dataset.ts';
import { avroRecords } from './avro-records.ts';
import { type CsvLines, canonicalCsv, type RejectedRecord } from './canonical.ts';
import { inflated, type Part } from './compression.ts';
import { toUtf8 } from './encoding.ts';
import type { FileProfile, RandomAccess } from './file-profile.ts';
import { fixedWidthRecords } from './fixed-width.ts';
import { jsonArray } from './json-array.ts';
import { nestedJsonRecords } from './json-nested.ts';
import { jsonFields, jsonLines, textOf } from './json-records.ts';
import { LIMITS } from './limits.ts';
import { Preamble } from './preamble.ts';
import { QuoteState } from './quote-state.ts';
import { xlsxRecords } from './xlsx-records.ts';
import { xmlRecords } from './xml-records.ts';

export type { RejectedRecord } from './canonical.ts';

export interface NormaliseOptions {
  readonly onReject: (record: RejectedRecord) => void;
  /** Learns where records of CSV lie that the parser will refuse for their length or number of fields; for UTF-8 that is not compressed. */
  readonly onPlace?: (place: RecordPlace) => void;
  /** The same file: archives and workbooks keep their directories at the end. */
  readonly random: RandomAccess;
}

/** Bytes of a record in the file, without its line end; `record` is its number, from 1. */
export interface RecordPlace {
  readonly record: number;
  readonly start: number;
  readonly end: number;
}

/**
 * The records in a form that the engine's parser takes: CSV keeps its dialect, in UTF-8 with LF and without the skipped lines; everything else becomes CSV with
 * comma, double quotes and the profile's header. Order and number of records stay, but for those reported as rejected.
 */
export async function* normalise(
  body: AsyncIterable<Uint8Array>,
  format: FileFormat,
  profile: FileProfile,
  { onReject, onPlace, random }: NormaliseOptions,
): AsyncGenerator<Uint8Array> {
  const header = profile.header ?? [];
  if (format.kind === 'xlsx') {
    yield* canonicalCsv(header, (lines) => xlsxRecords(random, format, profile, lines), onReject);
    return;
  }
  const source = body[Symbol.asyncIterator]();
  try {
    const { parts } = await inflated(source, random);
    if (format.kind === 'csv') yield* oneCsv(parts, format, { profile, onPlace });
    else if (format.kind !== 'parquet')
      yield* canonicalCsv(header, (lines) => recordsOf(parts, format, header, lines), onReject);
  } finally {
    await source.return?.();
  }
}

interface Rewriting {
  readonly profile: FileProfile;
  readonly onPlace: NormaliseOptions['onPlace'];
}

async function* oneCsv(
  parts: AsyncIterable<Part>,
  format: CsvFormat,
  { profile, onPlace }: Rewriting,
): AsyncGenerator<Uint8Array> {
  let isFirst = true;
  for await (const { body } of parts) {
    const mark = { bytes: 0 };
    const text = toUtf8(body, format.encoding, { setting: 'csv.encoding', mark });
    const tell: Rewriting['onPlace'] =
      onPlace &&
      (({ record, start, end }) => onPlace({ record, start: mark.bytes + start, end: mark.bytes + end }));
    const lines = lineFeeds(text, format, { profile, onPlace: tell });
    let last: number | undefined;
    for await (const chunk of isFirst ? lines : withoutHeader(lines, format)) {
      last = chunk.at(-1) ?? last;
      yield chunk;
    }
    if (profile.members !== undefined && last !== undefined && last !== LF) yield Buffer.from('\n');
    isFirst = false;
  }
}

/** Without the header, which the first member of the archive has brought. Skipped and blank lines are gone already. */
async function* withoutHeader(
  body: AsyncIterable<Uint8Array>,
  format: CsvFormat,
): AsyncGenerator<Uint8Array> {
  const quotes = new QuoteState(format);
  let isHeader = format.header;
  for await (const chunk of body) {
    let at = 0;
    for (; at < chunk.length && isHeader; at++) {
      const byte = chunk[at] ?? 0;
      if (byte === LF && !quotes.inQuotes) isHeader = false;
      else quotes.take(byte);
    }
    if (at < chunk.length) yield chunk.subarray(at);
  }
}

type KeyedFormat = Exclude<FileFormat, { readonly kind: 'csv' | 'parquet' | 'xlsx' }>;

async function* recordsOf(
  parts: AsyncIterable<Part>,
  format: KeyedFormat,
  header: readonly string[],
  lines: CsvLines,
): AsyncGenerator<unknown> {
  for await (const { body } of parts) yield* recordsOfPart(body, format, header, lines);
}

function recordsOfPart(
  body: AsyncIterable<Uint8Array>,
  format: KeyedFormat,
  header: readonly string[],
  lines: CsvLines,
): AsyncIterable<unknown> {
  switch (format.kind) {
    case 'json':
    case 'jsonl':
      return format.nesting === undefined
        ? flatJsonRecords(body, format.kind, header, lines)
        : nestedJsonRecords(body, format, header, lines);
    case 'avro':
      return avroRecords(body, format, header, lines);
    case 'xml':
      return xmlRecords(body, format, header, lines);
    case 'fixedWidth':
      return fixedWidthRecords(body, format, lines);
  }
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
  { profile, onPlace }: Rewriting,
): AsyncGenerator<Uint8Array> {
  const { lineEnd, hasBlankLines, hasLongRecords, hasSurplusDelimiters } = profile;
  const preamble = new Preamble(format.skipLines);
  const isPlain = hasBlankLines !== true && hasLongRecords !== true && hasSurplusDelimiters !== true;
  if (lineEnd === 'lf' && isPlain && onPlace === undefined) {
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
  let seen = 0;
  let record = format.header ? 0 : 1;
  let start = 0;
  const isSurplus = () => last === delimiter && delimiters > (expected ?? delimiters);
  const tellPlace = (end: number) => {
    const isRefused = delimiters !== (expected ?? delimiters) || recordBytes > LIMITS.recordBytes;
    if (isRefused && record > 0) onPlace?.({ record, start, end });
  };
  for await (const whole of body) {
    const chunk = preamble.rest(whole);
    let at = seen + whole.length - chunk.length - 1;
    seen += whole.length;
    // A sign more for each line at most; a record that an earlier chunk began may need its closing quote.
    const out = Buffer.allocUnsafe(chunk.length * 2 + CLOSING);
    let length = 0;
    for (const byte of chunk) {
      at++;
      const ended = afterCr;
      afterCr = false;
      if (ended && byte === LF) continue; // the CR before it has been written as LF
      const endsLine = !quotes.inQuotes && (byte === CR || byte === LF);
      afterCr = endsLine && byte === CR;
      if (!endsLine) {
        if (!quotes.inQuotes && byte === delimiter) delimiters++;
        last = quotes.inQuotes ? -1 : byte;
        quotes.take(byte);
        if (!hasBytes) start = at;
        hasBytes = true;
        if (++recordBytes <= CUT) out[length++] = byte;
        else if (recordBytes === CUT + 1) isCutInQuotes = quotes.inQuotes;
        continue;
      }
      quotes.restart();
      if (!hasBytes) continue;
      tellPlace(at);
      record++;
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
  if (hasBytes) tellPlace(seen);
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

async function* flatJsonRecords(
  body: AsyncIterable<Uint8Array>,
  kind: 'json' | 'jsonl',
  header: readonly string[],
  lines: CsvLines,
): AsyncGenerator<void> {
  const mark = { bytes: 0 };
  const text = toUtf8(body, 'utf-8', { mark });
  for await (const parts of kind === 'json' ? jsonArray(text) : jsonLines(text)) {
    for (const part of parts) {
      const start = mark.bytes + part.start;
      const place = { start, end: start + part.to - part.from };
      const byKey = jsonFields(textOf(part));
      if (byKey === undefined) lines.refuse({ code: 'record.malformed', ...place });
      else
        lines.row(
          header.map((key) => byKey.get(key)),
          place,
        );
    }
    yield;
  }
}
