import type { JsonFormat, Nesting } from '../contract/dataset.ts';
import { type ParsedRecord, type Records, refusedRecord } from './canonical.ts';
import { toUtf8 } from './encoding.ts';
import { jsonArray } from './json-array.ts';
import { type JsonText, jsonLines } from './json-records.ts';
import { LIMITS } from './limits.ts';
import { FormatProblem } from './problem.ts';
import type { Content } from './profile.ts';
import { type Place, Shape } from './shape.ts';

/** Records, or rows where the contract makes rows of an array, and the names of all values down to the places of the contract. */
export async function profileNestedJson(
  body: AsyncIterable<Uint8Array>,
  format: JsonFormat,
): Promise<Content> {
  const shape = new Shape(nestingOf(format));
  let records = 0;
  let bytes = 0;
  const counted = (async function* () {
    for await (const chunk of body) {
      bytes += chunk.length;
      yield chunk;
    }
  })();
  for await (const batch of read(counted, format, shape)) records += batch.length;
  if (bytes === 0)
    throw new FormatProblem('file.empty', 'the file has no bytes; send it again or ask its source');
  return { records, header: shape.names };
}

export const nestedJsonRecords = (
  body: AsyncIterable<Uint8Array>,
  format: JsonFormat,
  header: readonly string[],
): Records => read(body, format, new Shape(nestingOf(format), header));

const nestingOf = ({ nesting }: JsonFormat): Nesting => nesting ?? { paths: [] };

const AT_ONCE = 500;

async function* read(body: AsyncIterable<Uint8Array>, format: JsonFormat, shape: Shape): Records {
  const text = toUtf8(body, 'utf-8');
  const texts = format.kind === 'jsonl' ? jsonLines(text) : jsonArray(text, format.records);
  const reader = new JsonReader(shape);
  let batch: ParsedRecord[] = [];
  for await (const record of texts) {
    reader.read(record, batch);
    if (batch.length >= AT_ONCE) {
      yield batch;
      batch = [];
    }
  }
  yield batch;
}

type Row = (string | null)[];

/**
 * Takes the texts of values out of JSON text where they stand, so that numbers keep their digits. `JSON.parse` judges whether the
 * text is JSON; what walks over it here relies on that.
 */
class JsonReader {
  readonly #shape: Shape;
  #text = '';
  #at = 0;
  #rows: Row[] = [];
  #isOdd = false;
  #isDeep = false;

  constructor(shape: Shape) {
    this.#shape = shape;
  }

  read({ text, start, end }: JsonText, into: ParsedRecord[]): void {
    if (!isObject(text)) {
      into.push({ code: 'record.malformed', start, end });
      return;
    }
    this.#text = text;
    this.#at = text.indexOf('{');
    this.#rows = [];
    this.#isOdd = false;
    this.#isDeep = false;
    const common: Row = [];
    this.#object(this.#shape.root, common);
    if (this.#isOdd || this.#isDeep) {
      into.push({ ...refusedRecord(this.#isDeep ? 'record.too_deep' : 'record.malformed'), start, end });
      return;
    }
    const width = this.#shape.names.length;
    for (const row of this.#rows.length === 0 ? [[]] : this.#rows) into.push(merged(common, row, width));
  }

  /** At `{`; after it behind `}`. */
  #object(place: Place, row: Row): void {
    const text = this.#text;
    this.#at++;
    for (;;) {
      this.#blanks();
      if (text.charCodeAt(this.#at) === CLOSE_BRACE) break;
      const from = this.#at;
      this.#string();
      const key = plainText(text, from, this.#at);
      this.#blanks();
      this.#at++;
      this.#blanks();
      this.#value(this.#shape.child(place, key), row);
      this.#blanks();
      if (text.charCodeAt(this.#at++) === CLOSE_BRACE) return;
    }
    this.#at++;
  }

  #value(place: Place, row: Row): void {
    const sign = this.#text.charCodeAt(this.#at);
    if (place.isRows && sign === OPEN_BRACKET) this.#elements(place);
    else if (place.isInner && sign === OPEN_BRACE) this.#object(place, row);
    else if ((place.isInner || place.isRows) && sign === LETTER_N) this.#at += 4;
    else if (place.isInner || place.isRows) {
      // Another kind of value stands where the contract has an object or a list of rows.
      this.#isOdd = true;
      this.#skip();
    } else this.#leaf(place, row);
  }

  #elements(place: Place): void {
    const text = this.#text;
    this.#at++;
    this.#blanks();
    if (text.charCodeAt(this.#at) === CLOSE_BRACKET) {
      this.#at++;
      return;
    }
    for (;;) {
      this.#blanks();
      const row: Row = [];
      this.#rows.push(row);
      const sign = text.charCodeAt(this.#at);
      if (sign === OPEN_BRACE) this.#object(place, row);
      else if (place.isInner && sign !== LETTER_N) {
        this.#isOdd = true;
        this.#skip();
      } else if (place.isInner) this.#skip();
      else this.#leaf(place, row);
      this.#blanks();
      if (text.charCodeAt(this.#at++) === CLOSE_BRACKET) return;
    }
  }

  #leaf(place: Place, row: Row): void {
    const from = this.#at;
    const index = this.#shape.indexOf(place);
    this.#skip();
    // A key twice: nobody can tell which value was meant (RFC 8259, section 4).
    if (index !== -1 && row[index] !== undefined) this.#isOdd = true;
    if (index !== -1) row[index] = leafText(this.#text, from, this.#at);
  }

  #skip(): void {
    const text = this.#text;
    const sign = text.charCodeAt(this.#at);
    if (sign === QUOTE) this.#string();
    else if (sign === OPEN_BRACE || sign === OPEN_BRACKET) this.#nested();
    else {
      let at = this.#at + 1;
      for (; at < text.length; at++) {
        const each = text.charCodeAt(at);
        if (each === COMMA || each === CLOSE_BRACE || each === CLOSE_BRACKET || each <= BLANK) break;
      }
      this.#at = at;
    }
  }

  #nested(): void {
    let depth = 0;
    do {
      const sign = this.#text.charCodeAt(this.#at);
      if (sign === QUOTE) {
        this.#string();
        continue;
      }
      if (sign === OPEN_BRACE || sign === OPEN_BRACKET) {
        if (++depth > LIMITS.nesting) this.#isDeep = true;
      } else if (sign === CLOSE_BRACE || sign === CLOSE_BRACKET) depth--;
      this.#at++;
    } while (depth > 0);
  }

  /** At a quote; after it behind the closing one. */
  #string(): void {
    const text = this.#text;
    let end = this.#at;
    do end = text.indexOf('"', end + 1);
    while (text.charCodeAt(end - 1) === BACKSLASH && isEscaped(text, end));
    this.#at = end + 1;
  }

  #blanks(): void {
    while (this.#text.charCodeAt(this.#at) <= BLANK) this.#at++;
  }
}

const QUOTE = 34;
const BACKSLASH = 92;
const COMMA = 44;
const BLANK = 32;
const OPEN_BRACE = 123;
const CLOSE_BRACE = 125;
const OPEN_BRACKET = 91;
const CLOSE_BRACKET = 93;
const LETTER_N = 110;

function isObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof RangeError) return false;
    throw error;
  }
}

function isEscaped(text: string, at: number): boolean {
  let from = at;
  while (text.charCodeAt(from - 1) === BACKSLASH) from--;
  return (at - from) % 2 === 1;
}

/** The text between the quotes at `from` and before `to`. */
function plainText(text: string, from: number, to: number): string {
  const inside = text.slice(from + 1, to - 1);
  return inside.includes('\\') ? (JSON.parse(text.slice(from, to)) as string) : inside;
}

function leafText(text: string, from: number, to: number): string | null {
  const sign = text.charCodeAt(from);
  if (sign === QUOTE) return plainText(text, from, to);
  const raw = text.slice(from, to);
  if (sign === LETTER_N) return null;
  if (sign !== OPEN_BRACE && sign !== OPEN_BRACKET) return raw;
  return /\s/.test(raw) ? raw.replaceAll(/("(?:[^"\\]|\\.)*")|\s+/g, '$1') : raw;
}

function merged(common: Row, row: Row, width: number): Row {
  const all: Row = new Array(width);
  for (let index = 0; index < width; index++) all[index] = row[index] ?? common[index] ?? null;
  return all;
}
