import type { JsonFormat, Nesting } from '../contract/dataset.ts';
import { type CsvLines, type Place as FilePlace, refusedRecord } from './canonical.ts';
import { toUtf8 } from './encoding.ts';
import type { Content } from './file-profile.ts';
import { jsonArray } from './json-array.ts';
import { type JsonPart, jsonLines } from './json-records.ts';
import {
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COLON,
  COMMA,
  JsonText,
  LETTER_N,
  NOTHING,
  NULL,
  OPEN_BRACE,
  OPEN_BRACKET,
  PLAIN,
  QUOTE,
  textOf,
  writeLeaf,
} from './json-text.ts';
import { LIMITS } from './limits.ts';
import { FormatProblem } from './problem.ts';
import { type Place, Shape } from './shape.ts';

/** Records, or rows where the contract makes rows of an array, and the names of all values down to the places of the contract. */
export async function profileNestedJson(
  body: AsyncIterable<Uint8Array>,
  format: JsonFormat,
): Promise<Content> {
  const shape = new Shape(nestingOf(format));
  let bytes = 0;
  const counted = (async function* () {
    for await (const chunk of body) {
      bytes += chunk.length;
      yield chunk;
    }
  })();
  const reader = new JsonReader(shape, LIMITS.jsonKeys + 1);
  for await (const _part of read(counted, format, reader));
  if (bytes === 0)
    throw new FormatProblem('file.empty', 'the file has no bytes; send it again or ask its source');
  return { records: reader.records, header: shape.names };
}

export const nestedJsonRecords = (
  body: AsyncIterable<Uint8Array>,
  format: JsonFormat,
  header: readonly string[],
  lines: CsvLines,
): AsyncIterable<unknown> =>
  read(body, format, new JsonReader(new Shape(nestingOf(format), header), header.length, lines));

const nestingOf = ({ nesting }: JsonFormat): Nesting => nesting ?? { paths: [] };

async function* read(
  body: AsyncIterable<Uint8Array>,
  format: JsonFormat,
  reader: JsonReader,
): AsyncGenerator<void> {
  const mark = { bytes: 0 };
  const text = toUtf8(body, 'utf-8', { mark });
  for await (const parts of format.kind === 'jsonl' ? jsonLines(text) : jsonArray(text, format.records)) {
    for (const part of parts) reader.read(part, mark.bytes);
    yield;
  }
}

/** A place, and its children in the order in which records are likely to have them. */
interface Node {
  readonly place: Place;
  readonly number: number;
  /** As it stands in the file, between its quotes. */
  readonly key: Buffer;
  readonly children: Node[];
  readonly named: Map<string, Node>;
}

const nodeOf = (place: Place, number: number, key: Buffer): Node => ({
  place,
  number,
  key,
  children: [],
  named: new Map(),
});

/** For each column the kind of its leaf, and where in the bytes its text stands. */
interface Row {
  readonly kinds: Uint8Array;
  readonly from: Int32Array;
  readonly to: Int32Array;
}

const rowOf = (width: number): Row => ({
  kinds: new Uint8Array(width),
  from: new Int32Array(width),
  to: new Int32Array(width),
});

/** Notes where the values of a record stand, then writes its rows, or only counts them. Bytes stay bytes, so numbers keep their digits. */
class JsonReader {
  /** Rows and refused records. */
  records = 0;
  readonly #shape: Shape;
  readonly #lines: CsvLines | undefined;
  readonly #width: number;
  readonly #root: Node;
  readonly #json = new JsonText();
  readonly #common: Row;
  readonly #none: Row;
  #part: JsonPart | undefined;
  #rows: Row[] = [];
  #rowCount = 0;
  #isOdd = false;
  #isJudged = false;

  constructor(shape: Shape, width: number, lines?: CsvLines) {
    this.#shape = shape;
    this.#lines = lines;
    this.#width = width;
    this.#root = nodeOf(shape.root, 0, Buffer.alloc(0));
    this.#common = rowOf(width);
    this.#none = rowOf(width);
  }

  /** `mark`: bytes of the file before its text. */
  read(part: JsonPart, mark: number): void {
    this.#start(part);
    const { from, to, start, bytes } = part;
    const place = { start: mark + start, end: mark + start + to - from };
    if (!this.#record()) this.#refuse('record.malformed', place);
    else if (this.#json.isDeep) this.#refuse('record.too_deep', place);
    else if (this.#isOdd) this.#refuse('record.malformed', place);
    else if (this.#lines === undefined) this.records += Math.max(this.#rowCount, 1);
    else if (this.#rowCount === 0) this.#write(this.#lines, bytes, this.#none, place);
    else
      for (let index = 0; index < this.#rowCount; index++)
        this.#write(this.#lines, bytes, this.#rows[index] as Row, place);
    if (this.#rows.length > MOST_KEPT) this.#rows = [];
  }

  #start(part: JsonPart): void {
    this.#part = part;
    this.#json.bytes = part.bytes;
    this.#json.at = part.from;
    this.#json.end = part.to;
    this.#json.isDeep = false;
    this.#rowCount = 0;
    this.#isOdd = false;
    this.#isJudged = false;
    this.#common.kinds.fill(NOTHING);
  }

  #refuse(code: string, place: FilePlace): void {
    this.records++;
    this.#lines?.refuse({ ...refusedRecord(code), ...place });
  }

  #write(lines: CsvLines, bytes: Buffer, row: Row, place: FilePlace): void {
    const common = this.#common;
    for (let index = 0; index < this.#width; index++) {
      const { kinds, from, to } = (row.kinds[index] as number) > NULL ? row : common;
      writeLeaf(lines, kinds[index] as number, bytes, from[index] as number, to[index] as number);
    }
    lines.end(place);
  }

  #record(): boolean {
    const json = this.#json;
    json.blanks();
    if (json.sign !== OPEN_BRACE || !this.#object(this.#root, this.#common)) return false;
    json.blanks();
    return json.at === json.end;
  }

  #object(node: Node, row: Row): boolean {
    const json = this.#json;
    json.at++;
    json.blanks();
    if (json.take(CLOSE_BRACE)) return true;
    for (let expected = 0; ; ) {
      const child = this.#key(node, expected);
      if (child === undefined) return false;
      expected = child.number + 1;
      json.blanks();
      if (!json.take(COLON)) return false;
      json.blanks();
      if (!this.#value(child, row)) return false;
      json.blanks();
      if (!json.take(COMMA)) return json.take(CLOSE_BRACE);
      json.blanks();
    }
  }

  #key(node: Node, expected: number): Node | undefined {
    const json = this.#json;
    const { bytes } = this.#part as JsonPart;
    const likely = node.children[expected];
    if (likely !== undefined && isKey(likely.key, json)) {
      json.at += likely.key.length + 2;
      return likely;
    }
    if (!json.text()) return undefined;
    const { from, to, kind } = json;
    const name = kind === PLAIN ? bytes.toString('utf8', from, to) : textOf(bytes, from, to);
    const known = node.named.get(name);
    if (known !== undefined || !this.#mayLearn()) return known;
    const place = this.#shape.child(node.place, name);
    const child = nodeOf(place, node.children.length, Buffer.from(bytes.subarray(from, to)));
    node.children.push(child);
    node.named.set(name, child);
    return child;
  }

  /** Names come from records only, not from the beginnings of such that are none. */
  #mayLearn(): boolean {
    const { at, end, bytes } = this.#json;
    if (!this.#isJudged) {
      const whole = new JsonText();
      whole.bytes = bytes;
      whole.at = this.#part?.from ?? at;
      whole.end = end;
      whole.blanks();
      this.#isJudged = whole.leaf();
      whole.blanks();
      this.#isJudged &&= whole.at === end;
    }
    return this.#isJudged;
  }

  #value(node: Node, row: Row): boolean {
    const json = this.#json;
    const { isInner, isRows } = node.place;
    if (!isInner && !isRows) return this.#leaf(node.place, row);
    if (isRows && json.sign === OPEN_BRACKET) return this.#elements(node);
    if (isInner && json.sign === OPEN_BRACE) return this.#object(node, row);
    // Another kind of value stands where the contract has an object or a list of rows.
    if (json.sign !== LETTER_N) this.#isOdd = true;
    return json.leaf();
  }

  #elements(node: Node): boolean {
    const json = this.#json;
    json.at++;
    json.blanks();
    if (json.take(CLOSE_BRACKET)) return true;
    for (;;) {
      if (!this.#element(node, this.#newRow())) return false;
      json.blanks();
      if (!json.take(COMMA)) return json.take(CLOSE_BRACKET);
      json.blanks();
    }
  }

  #element(node: Node, row: Row): boolean {
    const json = this.#json;
    if (json.sign === OPEN_BRACE) return this.#object(node, row);
    if (!node.place.isInner) return this.#leaf(node.place, row);
    if (json.sign !== LETTER_N) this.#isOdd = true;
    return json.leaf();
  }

  /** What is only counted needs no row for long. */
  #newRow(): Row {
    const index = this.#lines === undefined ? 0 : this.#rowCount;
    this.#rowCount++;
    const row = this.#rows[index] ?? rowOf(this.#width);
    this.#rows[index] = row;
    row.kinds.fill(NOTHING);
    return row;
  }

  #leaf(place: Place, row: Row): boolean {
    const json = this.#json;
    if (!json.leaf()) return false;
    const { kind, from, to } = json;
    if (this.#lines === undefined && place.index === -1 && !this.#mayLearn()) return false;
    const index = this.#shape.indexOf(place);
    if (index === -1) return true;
    // A key twice: nobody can tell which value was meant (RFC 8259, section 4).
    if (row.kinds[index] !== NOTHING) this.#isOdd = true;
    row.kinds[index] = kind;
    row.from[index] = from;
    row.to[index] = to;
    return true;
  }
}

const MOST_KEPT = 1000;

/** Whether this very key stands at hand, between quotes. */
function isKey(key: Uint8Array, { bytes, at, end }: JsonText): boolean {
  const { length } = key;
  if (at + length + 2 > end || bytes[at] !== QUOTE || bytes[at + length + 1] !== QUOTE) return false;
  for (let index = 0; index < length; index++) if (bytes[at + 1 + index] !== key[index]) return false;
  return true;
}
