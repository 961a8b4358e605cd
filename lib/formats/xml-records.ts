import { type SaxesAttributeNS, SaxesParser, type SaxesTagNS } from 'saxes';
import type { CsvEncoding, XmlFormat } from '../contract/dataset.ts';
import { countRecords, type RecordSink, refusedRecord } from './canonical.ts';
import { toUtf8 } from './encoding.ts';
import type { Content } from './file-profile.ts';
import { LIMITS } from './limits.ts';
import { FormatProblem } from './problem.ts';
import { type Place, Shape } from './shape.ts';

/** Rows and the names of all values: elements by path below the record, attributes as `@name`. The whole file must be well formed. */
export async function profileXml(body: AsyncIterable<Uint8Array>, format: XmlFormat): Promise<Content> {
  const shape = new Shape(format.nesting, undefined, format);
  const blank = new Set<Place>();
  const records = await countRecords((sink) => read(body, new XmlReader(format, shape, blank, sink)));
  for (const place of blank) if (!holdsElements(place)) shape.indexOf(place);
  return { records, header: shape.names };
}

const holdsElements = ({ children }: Place): boolean =>
  [...children.keys()].some((name) => !name.startsWith('@'));

export const xmlRecords = (
  body: AsyncIterable<Uint8Array>,
  format: XmlFormat,
  header: readonly string[],
  sink: RecordSink,
): AsyncIterable<unknown> =>
  read(body, new XmlReader(format, new Shape(format.nesting, header, format), new Set(), sink));

async function* read(body: AsyncIterable<Uint8Array>, reader: XmlReader): AsyncGenerator<void> {
  const parser = new SaxesParser({ xmlns: true, position: false });
  let quiet = 0;
  parser.on('opentag', (tag: SaxesTagNS) => {
    quiet = 0;
    reader.open(tag);
  });
  parser.on('closetag', () => {
    quiet = 0;
    reader.close();
  });
  const text = (part: string) => {
    quiet = 0;
    reader.text(part);
  };
  parser.on('text', text);
  parser.on('cdata', text);
  parser.on('doctype', () => {
    throw doctype();
  });
  parser.on('error', (error) => {
    throw new FormatProblem(
      'file.format',
      'the file is not well-formed XML, or is cut off; send it again',
      error,
    );
  });
  let isEmpty = true;
  for await (const chunk of decoded(body)) {
    isEmpty = false;
    // A document type that is never closed, a text or a comment without end: the parser would hold it all.
    quiet += chunk.length;
    parser.write(chunk);
    if (quiet > 2 * LIMITS.recordBytes)
      throw new FormatProblem('file.too_large', `a text or tag is longer than ${LIMITS.recordBytes} bytes`);
    yield;
  }
  if (isEmpty)
    throw new FormatProblem('file.empty', 'the file has no bytes; send it again or ask its source');
  parser.close();
  reader.end();
  yield;
}

const doctype = (): FormatProblem =>
  new FormatProblem(
    'file.format',
    'the file has a document type declaration; entities are never expanded and nothing outside is read: send it without',
  );

const ENCODINGS: Readonly<Record<string, CsvEncoding>> = {
  'utf-8': 'utf-8',
  'us-ascii': 'utf-8',
  'utf-16': 'utf-16',
  'iso-8859-1': 'latin-1',
  'windows-1252': 'windows-1252',
};

const DECLARED = /^(?:\xef\xbb\xbf)?<\?xml[^>]*?\sencoding\s*=\s*["']([^"']*)["']/;

/** Text in the encoding that the byte order mark or the XML declaration names. */
async function* decoded(body: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const chunks = body[Symbol.asyncIterator]();
  let head = Buffer.alloc(0);
  while (head.length < 256) {
    const next = await chunks.next();
    if (next.done === true) break;
    head = Buffer.concat([head, next.value]);
  }
  const whole = (async function* () {
    if (head.length > 0) yield head;
    for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) yield next.value;
  })();
  for await (const chunk of toUtf8(whole, encodingOf(head))) yield* textsOf(chunk);
}

/** Long texts would live in the heap's old part until it has grown: 300 MB instead of 200. */
function* textsOf(bytes: Buffer): Generator<string> {
  for (let from = 0, to = 0; from < bytes.length; from = to) {
    to = Math.min(from + TEXT, bytes.length);
    while (to < bytes.length && ((bytes[to] ?? 0) & 0xc0) === 0x80) to--;
    yield bytes.toString('utf8', from, to);
  }
}

const TEXT = 32 * 1024;

function encodingOf(head: Buffer): CsvEncoding {
  if ((head[0] === 0xff && head[1] === 0xfe) || (head[0] === 0xfe && head[1] === 0xff) || head[1] === 0)
    return 'utf-16';
  const declared = DECLARED.exec(head.toString('latin1'))?.[1]?.toLowerCase() ?? 'utf-8';
  const encoding = ENCODINGS[declared];
  if (encoding !== undefined && encoding !== 'utf-16') return encoding;
  throw new FormatProblem(
    'file.encoding',
    `the file declares encoding ${JSON.stringify(declared)}; allowed: ${Object.keys(ENCODINGS).join(', ')}`,
  );
}

const XSI = 'http://www.w3.org/2001/XMLSchema-instance';

type Row = (string | null)[];

/** A value of an element that a column keeps as JSON. */
type JsonValue = string | null | JsonValue[] | { [name: string]: JsonValue };

interface Frame {
  readonly place: Place;
  text: string;
  hasElements: boolean;
  hasAttributes: boolean;
  isNil: boolean;
  /** Where the element stands inside one that a column keeps as JSON. */
  readonly object: { [name: string]: JsonValue } | undefined;
}

class XmlReader {
  readonly #blank: Set<Place>;
  readonly #format: XmlFormat;
  readonly #shape: Shape;
  readonly #record: readonly string[];
  readonly #sink: RecordSink;
  readonly #above: string[] = [];
  readonly #frames: Frame[] = [];
  #depth = 0;
  #isPlaceSeen = false;
  #common: Row = [];
  #row: Row | undefined;
  #rows: Row[] = [];
  /** Elements of the record, and of the row in it, by column. */
  #lists: JsonValue[][] = [];
  #rowLists: JsonValue[][] = [];
  #characters = 0;
  #refused: string | undefined;

  /** `blank` gathers the places of empty elements: an empty list of elements is no column. */
  constructor(format: XmlFormat, shape: Shape, blank: Set<Place>, sink: RecordSink) {
    this.#sink = sink;
    this.#blank = blank;
    this.#format = format;
    this.#shape = shape;
    this.#record = format.record.split('/');
  }

  end(): void {
    if (!this.#isPlaceSeen)
      throw new FormatProblem(
        'file.header',
        `the file has no place for records at ${this.#format.record}; send the agreed elements, or change xml.record`,
      );
  }

  open(tag: SaxesTagNS): void {
    if (++this.#depth > LIMITS.nesting)
      throw new FormatProblem('file.too_large', `elements are nested deeper than ${LIMITS.nesting}`);
    const name = this.#nameOf(tag);
    const parent = this.#frames.at(-1);
    if (parent !== undefined) this.#inner(parent, name, tag);
    else this.#outer(name, tag);
  }

  /** On the way to a record. */
  #outer(name: string, tag: SaxesTagNS): void {
    this.#above.push(name);
    const path = this.#above;
    const isOnWay =
      path.length <= this.#record.length && path.every((step, index) => step === this.#record[index]);
    if (!isOnWay) return;
    if (path.length >= this.#record.length - 1) this.#isPlaceSeen = true;
    if (path.length < this.#record.length) return;
    this.#common = [];
    this.#row = undefined;
    this.#rows = [];
    this.#lists = [];
    this.#rowLists = [];
    this.#characters = 0;
    this.#refused = undefined;
    this.#enter(this.#shape.root, tag, false);
  }

  #inner(parent: Frame, name: string, tag: SaxesTagNS): void {
    parent.hasElements = true;
    const place = this.#shape.child(parent.place, name);
    if (place.isRows) {
      this.#row = [];
      this.#rows.push(this.#row);
    }
    const isJson = parent.object !== undefined || place.kept !== undefined;
    this.#enter(place, tag, isJson);
  }

  #enter(place: Place, tag: SaxesTagNS, isJson: boolean): void {
    const object: Record<string, JsonValue> | undefined = isJson ? {} : undefined;
    const frame: Frame = { place, text: '', hasElements: false, hasAttributes: false, isNil: false, object };
    this.#frames.push(frame);
    for (const name in tag.attributes) this.#attribute(frame, tag.attributes[name] as SaxesAttributeNS);
  }

  /** Declarations of namespaces and hints for validators are no values. */
  #attribute(frame: Frame, attribute: SaxesAttributeNS): void {
    const { prefix, name, uri, local, value } = attribute;
    if (uri === XSI && local === 'nil') frame.isNil = /^\s*(true|1)\s*$/.test(value);
    if (prefix === 'xmlns' || name === 'xmlns' || uri === XSI) return;
    frame.hasAttributes = true;
    this.#count(value.length);
    const own = `@${this.#nameOf(attribute)}`;
    if (frame.object === undefined) this.#set(this.#shape.child(frame.place, own), value);
    else frame.object[own] = value;
  }

  text(text: string): void {
    const frame = this.#frames.at(-1);
    if (frame === undefined) return;
    this.#count(text.length);
    if (this.#refused === undefined) frame.text += text;
  }

  close(): void {
    this.#depth--;
    const frame = this.#frames.pop();
    if (frame === undefined) {
      this.#above.pop();
      return;
    }
    // Text between elements would be lost in columns.
    if (frame.hasElements && frame.text.trim() !== '') this.#refuse('record.malformed');
    const parent = this.#frames.at(-1);
    if (frame.object !== undefined) this.#closeJson(frame, parent);
    else if (!frame.hasElements && parent !== undefined) this.#closeText(frame);
    if (frame.place.isRows && this.#row !== undefined) {
      writeLists(this.#rowLists, this.#row);
      this.#rowLists = [];
      this.#row = undefined;
    }
    if (parent === undefined) this.#closeRecord();
  }

  #closeText({ place, text, isNil, hasAttributes }: Frame): void {
    const isBlank = isNil || text.trim() === '';
    // An element that only carries attributes, or elements in other records, has no text of its own.
    if (isBlank && (hasAttributes || place.isInner || place.isRows)) return;
    if (isBlank && place.index === -1) this.#blank.add(place);
    else this.#set(place, isNil ? null : text);
  }

  #closeJson(
    { place, text, isNil, hasElements, hasAttributes, object = {} }: Frame,
    parent: Frame | undefined,
  ): void {
    if (text.trim() !== '' && hasAttributes && !hasElements) object['#text'] = text;
    const value: JsonValue = isNil ? null : hasElements || hasAttributes ? object : text;
    if (parent?.object !== undefined) {
      const name = lastStep(place);
      const before = Object.hasOwn(parent.object, name) ? parent.object[name] : undefined;
      if (before === undefined) Object.defineProperty(parent.object, name, { value, ...OWN });
      else if (Array.isArray(before)) before.push(value);
      else parent.object[name] = [before, value];
    } else if (place.kept === 'list') {
      const lists = this.#row === undefined ? this.#lists : this.#rowLists;
      const index = this.#shape.indexOf(place);
      const list = lists[index];
      if (list !== undefined) list.push(value);
      else if (index !== -1) lists[index] = [value];
    } else this.#set(place, value === null ? null : JSON.stringify(value));
  }

  #closeRecord(): void {
    this.#above.pop();
    if (this.#refused !== undefined) {
      this.#sink.refuse(refusedRecord(this.#refused));
      return;
    }
    writeLists(this.#lists, this.#common);
    const width = this.#shape.names.length;
    for (const row of this.#rows.length === 0 ? [[] as Row] : this.#rows) {
      const all: Row = new Array(width);
      for (let index = 0; index < width; index++) all[index] = row[index] ?? this.#common[index] ?? null;
      this.#sink.row(all);
    }
  }

  #set(place: Place, value: string | null): void {
    const index = this.#shape.indexOf(place);
    if (index === -1) return;
    const target = this.#row ?? this.#common;
    // A second element of the name: which one is the value, nobody has said.
    if (target[index] !== undefined) this.#refuse('record.malformed');
    target[index] = value;
  }

  #count(characters: number): void {
    this.#characters += characters;
    if (this.#characters > LIMITS.recordBytes) this.#refuse('record.too_long');
  }

  #refuse(code: string): void {
    this.#refused ??= code;
  }

  #nameOf({ uri, local }: { readonly uri: string; readonly local: string }): string {
    const prefix = uri === '' ? undefined : this.#format.namespaces[uri];
    return prefix === undefined ? local : `${prefix}:${local}`;
  }
}

function writeLists(lists: readonly JsonValue[][], row: Row): void {
  lists.forEach((list, index) => {
    row[index] = JSON.stringify(list);
  });
}

/** Also for an element named `__proto__`. */
const OWN = { enumerable: true, writable: true, configurable: true };

const lastStep = ({ path }: Place): string => path.slice(path.lastIndexOf('/') + 1);
