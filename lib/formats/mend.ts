import type { CsvEncoding, CsvFormat, FileFormat } from '../contract/dataset.ts';
import { TerminalError } from '../errors.ts';
import { inflated, type Part } from './compression.ts';
import { splitRecord } from './csv-record.ts';
import { toUtf8 } from './encoding.ts';
import { jsonArray } from './json-array.ts';
import { type JsonParts, jsonFields, jsonLines, textOf } from './json-records.ts';
import { QuoteState } from './quote-state.ts';

/** New texts of a record's fields, by position in a CSV file, by key in JSON. */
export type Corrections = ReadonlyMap<number, ReadonlyMap<number | string, string>>;

export interface Mending {
  readonly corrections: Corrections;
  /** Number of fields that a record must have: what a ragged one has beyond them goes. */
  readonly width: number;
}

/**
 * The same file with some records changed, by number from 1; every other byte of its text stays. It is written without compression.
 * @throws TerminalError for a format whose records can't be changed one by one, or a text that its dialect or encoding can't hold
 */
export async function* mend(
  body: AsyncIterable<Uint8Array>,
  format: FileFormat,
  mending: Mending,
): AsyncGenerator<Uint8Array> {
  const source = body[Symbol.asyncIterator]();
  try {
    yield* mended(joined((await inflated(source)).parts), format, mending);
  } finally {
    await source.return?.();
  }
}

async function* mended(
  plain: AsyncIterable<Uint8Array>,
  format: FileFormat,
  mending: Mending,
): AsyncGenerator<Uint8Array> {
  const { corrections } = mending;
  // Rows of nested records are no records of their own.
  if ((format.kind === 'json' || format.kind === 'jsonl') && format.nesting !== undefined)
    throw notOneByOne(`nested ${format.kind}`);
  switch (format.kind) {
    case 'csv':
      for await (const text of mendCsv(
        toUtf8(plain, format.encoding, { setting: 'csv.encoding' }),
        format,
        mending,
      ))
        yield encoded(text, format.encoding);
      return;
    case 'jsonl':
      for await (const text of mendedObjects(jsonLines(toUtf8(plain, 'utf-8')), corrections))
        yield Buffer.from(`${text}\n`);
      return;
    case 'json':
      yield* mendArray(toUtf8(plain, 'utf-8'), corrections);
      return;
    default:
      throw notOneByOne(format.kind);
  }
}

const notOneByOne = (kind: string): TerminalError =>
  new TerminalError(
    `records of a ${kind} file can't be mended one by one; hand in a corrected file with headgate replay FILE --with`,
    { fault: 'source' },
  );

async function* joined(parts: AsyncIterable<Part>): AsyncGenerator<Uint8Array> {
  for await (const { body } of parts) yield* body;
}

async function* mendCsv(
  body: AsyncIterable<Buffer>,
  format: CsvFormat,
  { corrections, width }: Mending,
): AsyncGenerator<Buffer> {
  const records = csvRecords(body, format);
  let number = format.header ? -1 : 0;
  let skipped = 0;
  for await (const { bytes, end } of records) {
    const isSkipped = skipped < format.skipLines;
    if (isSkipped) skipped++;
    else if (bytes.length > 0) number++;
    const correction = isSkipped || bytes.length === 0 ? undefined : corrections.get(number);
    yield correction === undefined
      ? bytes
      : Buffer.from(mendedRecord(bytes.toString(), format, correction, width));
    yield end;
  }
}

function mendedRecord(
  text: string,
  format: CsvFormat,
  correction: ReadonlyMap<number | string, string>,
  width: number,
): string {
  const split = splitRecord(text, { ...format, skipLines: 0 }) ?? [];
  const fields = Array.from({ length: width }, (_, position) => split[position] ?? '');
  for (const [position, value] of correction) fields[Number(position)] = value;
  return fields.map((field) => csvField(field, format)).join(format.delimiter);
}

function csvField(field: string, { delimiter, quote, escape }: CsvFormat): string {
  const needsQuotes =
    /[\r\n]|^\s|\s$/.test(field) || field.includes(delimiter) || (quote !== '' && field.includes(quote));
  if (!needsQuotes) return field;
  if (quote === '') {
    throw new TerminalError(
      'a corrected value holds a delimiter or line break, and this feed has no quotes',
      {
        fault: 'source',
      },
    );
  }
  const escaped = (escape === quote ? field : field.replaceAll(escape, escape + escape)).replaceAll(
    quote,
    escape + quote,
  );
  return `${quote}${escaped}${quote}`;
}

interface CsvRecord {
  readonly bytes: Buffer;
  /** Its line end, empty at the end of the file. */
  readonly end: Buffer;
}

/** Every record with its bytes, blank and skipped lines too: joined again they are the file. */
async function* csvRecords(body: AsyncIterable<Buffer>, format: CsvFormat): AsyncGenerator<CsvRecord> {
  const quotes = new QuoteState(format);
  let held: number[] = [];
  let afterCr = false;
  let toSkip = format.skipLines;
  const take = (end: string): CsvRecord => {
    const record = { bytes: Buffer.from(held), end: Buffer.from(end) };
    held = [];
    if (toSkip > 0) toSkip--;
    quotes.restart();
    return record;
  };
  for await (const chunk of body) {
    for (const byte of chunk) {
      if (afterCr) {
        afterCr = false;
        yield take(byte === LF ? '\r\n' : '\r');
        if (byte === LF) continue;
      }
      const plain = toSkip > 0 || !quotes.inQuotes;
      if (plain && byte === CR) afterCr = true;
      else if (plain && byte === LF) yield take('\n');
      else {
        held.push(byte);
        if (toSkip === 0) quotes.take(byte);
      }
    }
  }
  if (afterCr) yield take('\r');
  if (held.length > 0) yield take('');
}

const LF = 10;
const CR = 13;

async function* mendedObjects(records: JsonParts, corrections: Corrections): AsyncGenerator<string> {
  let number = 0;
  for await (const parts of records)
    for (const part of parts) yield mendedObject(textOf(part), corrections.get(++number));
}

function mendedObject(text: string, correction: ReadonlyMap<number | string, string> | undefined): string {
  if (correction === undefined) return text;
  const fields = new Map<string, string | null>(jsonFields(text) ?? []);
  for (const [key, value] of correction) fields.set(String(key), value);
  return JSON.stringify(Object.fromEntries(fields));
}

async function* mendArray(body: AsyncIterable<Buffer>, corrections: Corrections): AsyncGenerator<Uint8Array> {
  let before = '[';
  for await (const text of mendedObjects(jsonArray(body), corrections)) {
    yield Buffer.from(`${before}\n${text}`);
    before = ',';
  }
  yield Buffer.from(before === '[' ? '[]\n' : '\n]\n');
}

/** The text in the file's own encoding. @throws TerminalError for a character that it lacks */
function encoded(text: Buffer, encoding: CsvEncoding): Uint8Array {
  switch (encoding) {
    case 'utf-8':
      return text;
    case 'utf-16':
      return Buffer.from(text.toString(), 'utf16le');
    case 'latin-1':
      return singleBytes(text.toString(), (code) => (code < 256 ? code : undefined), encoding);
    case 'windows-1252':
      return singleBytes(text.toString(), (code) => WINDOWS_1252.get(code), encoding);
  }
}

const WINDOWS_1252: ReadonlyMap<number, number> = new Map(
  Array.from({ length: 256 }, (_, byte) => [
    new TextDecoder('windows-1252').decode(Uint8Array.of(byte)).codePointAt(0) ?? 0,
    byte,
  ]),
);

function singleBytes(
  text: string,
  byteOf: (code: number) => number | undefined,
  encoding: CsvEncoding,
): Uint8Array {
  return Uint8Array.from(
    Array.from(text, (sign) => {
      const byte = byteOf(sign.codePointAt(0) ?? 0);
      if (byte !== undefined) return byte;
      throw new TerminalError(`a corrected value holds a character that ${encoding} lacks`, {
        fault: 'source',
      });
    }),
  );
}
