import type { XlsxFormat } from '../contract/dataset.ts';
import { countRecords, type RecordSink, refusedRecord } from './canonical.ts';
import { type DateShape, durationText, serialText } from './excel-dates.ts';
import type { Content, RandomAccess } from './file-profile.ts';
import { LIMITS } from './limits.ts';
import { FormatProblem } from './problem.ts';
import { openWorkbook, parsedXml, textReader, unescaped, type Workbook } from './xlsx-workbook.ts';

/** Names of the header row, and the rows below it in which a cell has a value. */
export async function profileXlsx(random: RandomAccess, format: XlsxFormat): Promise<Content> {
  const workbook = await openWorkbook(random, format.sheet);
  let header: readonly string[] | undefined;
  const onHeader = (names: readonly string[]) => {
    header = names;
  };
  const merged: Range[] = [];
  const records = await countRecords((sink) =>
    parsedXml(workbook.sheet, new SheetReader(workbook, format, { sink, onHeader, found: merged })),
  );
  if (
    merged.some(
      ({ top, bottom, left, right }) => left < right && top <= format.headerRow && bottom >= format.headerRow,
    )
  )
    throw new FormatProblem(
      'file.header',
      `row ${format.headerRow} of the sheet has a cell merged over several columns; give each column its name, or change xlsx.headerRow`,
    );
  if (header === undefined)
    throw new FormatProblem(
      'file.header',
      `row ${format.headerRow} of the sheet has no names; name the columns there, or change xlsx.headerRow`,
    );
  return { records, header, hasMergedCells: merged.length > 0 };
}

export async function* xlsxRecords(
  random: RandomAccess,
  format: XlsxFormat,
  { hasMergedCells = true }: Pick<Content, 'hasMergedCells'>,
  sink: RecordSink,
): AsyncGenerator<void> {
  const workbook = await openWorkbook(random, format.sheet);
  const merged = hasMergedCells ? await mergedCells(workbook) : [];
  yield* parsedXml(workbook.sheet, new SheetReader(workbook, format, { sink, merged }));
}

interface Range {
  readonly top: number;
  readonly bottom: number;
  readonly left: number;
  readonly right: number;
}

/** Merged ranges stand behind the rows, so they are looked for in a pass of their own, as text: that is quick. */
async function mergedCells({ sheet }: Workbook): Promise<readonly Range[]> {
  const ranges: Range[] = [];
  let held = '';
  for await (const chunk of sheet.read()) {
    const text = held + Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString('latin1');
    for (const [, reference = ''] of text.matchAll(
      /<(?:\w+:)?mergeCell\s[^>]*?ref\s*=\s*["']([A-Z0-9:]+)["']/g,
    )) {
      addRange(ranges, reference);
    }
    // What may be the start of an element that ends in the next chunk.
    const last = text.lastIndexOf('<');
    held = last === -1 || text.includes('>', last) ? '' : text.slice(last).slice(0, 1000);
  }
  return ranges;
}

const MOST_RANGES = 100_000;

function addRange(ranges: Range[], reference: string): void {
  const [from, to = from] = reference.split(':').map(cellOf);
  if (from === undefined || to === undefined) return;
  ranges.push({ top: from.row, bottom: to.row, left: from.column, right: to.column });
  if (ranges.length > MOST_RANGES)
    throw new FormatProblem('file.too_large', `the sheet has more than ${MOST_RANGES} merged ranges`);
}

const cellOf = (reference: string): { readonly row: number; readonly column: number } => ({
  row: Number(/\d+$/.exec(reference)?.[0] ?? 0),
  column: columnOf(reference),
});

/** From 0: `A` is 0, `AA` 26. */
function columnOf(reference: string): number {
  let column = 0;
  for (let at = 0; at < reference.length; at++) {
    const sign = reference.charCodeAt(at);
    if (sign < 65 || sign > 90) break;
    column = column * 26 + sign - 64;
  }
  return column - 1;
}

type Cells = (string | null | undefined)[];

interface SheetOptions {
  readonly sink: RecordSink;
  readonly onHeader?: (names: readonly string[]) => void;
  /** Ranges that are known already. */
  readonly merged?: readonly Range[];
  /** Takes ranges as they are met, behind the rows. */
  readonly found?: Range[];
}

class SheetReader {
  readonly #found: Range[] | undefined;
  readonly #workbook: Workbook;
  readonly #format: XlsxFormat;
  readonly #sink: RecordSink;
  readonly #onHeader: (names: readonly string[]) => void;
  readonly #tall: readonly Range[];
  readonly #wide: readonly Range[];
  #fillers = new Map<Range, string | null>();
  #tallAt = 0;
  #wideAt = 0;
  #shapes: readonly DateShape[] | undefined;
  #width = 0;
  #row = 0;
  #cells: Cells = [];
  #hasValue = false;
  #characters = 0;
  #refused: string | undefined;
  #column = -1;
  #type = '';
  #style = 0;
  #value = '';
  #hasStoredValue = false;
  #isFormula = false;
  #isValue = false;
  readonly #inline = textReader();
  #isInline = false;

  constructor(
    workbook: Workbook,
    format: XlsxFormat,
    { sink, onHeader = () => undefined, merged = [], found }: SheetOptions,
  ) {
    this.#sink = sink;
    this.#found = found;
    this.#workbook = workbook;
    this.#format = format;
    this.#onHeader = onHeader;
    const below = merged.filter(({ bottom }) => bottom > format.headerRow).sort((a, b) => a.top - b.top);
    this.#tall = below.filter(({ left, right, top, bottom }) => left === right && bottom > top);
    this.#wide = below.filter(({ left, right }) => left < right);
  }

  readonly open = (name: string, attributes: Readonly<Record<string, string>>): void => {
    switch (name) {
      case 'row':
        this.#row = attributes.r === undefined ? this.#row + 1 : Number(attributes.r);
        this.#cells = [];
        this.#hasValue = false;
        this.#characters = 0;
        this.#refused = undefined;
        this.#column = -1;
        break;
      case 'c':
        this.#column = attributes.r === undefined ? this.#column + 1 : columnOf(attributes.r);
        this.#type = attributes.t ?? 'n';
        this.#style = Number(attributes.s ?? 0);
        this.#value = '';
        this.#hasStoredValue = false;
        this.#isFormula = false;
        break;
      case 'f':
        this.#isFormula = true;
        break;
      case 'v':
        this.#isValue = true;
        this.#hasStoredValue = true;
        break;
      case 'is':
        this.#isInline = true;
        break;
      case 'mergeCell':
        if (this.#found !== undefined) addRange(this.#found, attributes.ref ?? '');
        break;
      default:
        if (this.#isInline) this.#inline.open(name);
    }
  };

  readonly text = (text: string): void => {
    if (this.#isValue) this.#value += text;
    else if (this.#isInline) this.#inline.text(text);
  };

  readonly close = (name: string): void => {
    switch (name) {
      case 'row':
        this.#closeRow();
        break;
      case 'c':
        this.#closeCell();
        break;
      case 'v':
        this.#isValue = false;
        break;
      case 'is':
        this.#isInline = false;
        this.#value = this.#inline.taken();
        this.#hasStoredValue = true;
        break;
      default:
        if (this.#isInline) this.#inline.close(name);
    }
  };

  #closeCell(): void {
    if (this.#row < this.#format.headerRow || !(this.#hasStoredValue || this.#isFormula)) return;
    if (this.#column >= LIMITS.columns && this.#row === this.#format.headerRow)
      throw new FormatProblem('file.too_large', `the sheet has more than ${LIMITS.columns} columns`);
    // A formula without a stored value, and an error such as #N/A: what the value is, nobody knows.
    // Programs that don't calculate write an empty one; only of a text an empty one is a value.
    const isStored = this.#hasStoredValue && (this.#value !== '' || this.#type === 'str');
    const hasNone = (this.#isFormula && !isStored) || this.#type === 'e';
    if (!hasNone && this.#value === '' && this.#type !== 's') return;
    const value = hasNone ? null : this.#cellText();
    if (value === undefined) return;
    this.#hasValue = true;
    if (hasNone) this.#refuse('record.formula');
    this.#characters += value?.length ?? 0;
    if (this.#characters > LIMITS.recordBytes) this.#refuse('record.too_long');
    else if (this.#column < LIMITS.columns) this.#cells[this.#column] = value;
    else this.#refuse('record.malformed');
  }

  /** Undefined: an empty text. */
  #cellText(): string | undefined {
    const value = this.#value;
    switch (this.#type) {
      case 's': {
        const text = this.#workbook.shared[Number(value)];
        if (text === undefined) this.#refuse('record.malformed');
        return text === '' ? undefined : text;
      }
      case 'b':
        return value === '1' ? 'true' : value === '0' ? 'false' : value;
      case 'str':
        return unescaped(value);
      case 'n':
        return this.#numberText(value);
      default:
        return value;
    }
  }

  #numberText(value: string): string {
    const shown = this.#workbook.styles[this.#style];
    const serial = Number(value);
    if (shown === 'duration') return durationText(serial) ?? plainNumber(value);
    if (shown === 'date')
      return serialText(serial, this.#workbook.is1904, this.#shapes?.[this.#column]) ?? plainNumber(value);
    return plainNumber(value);
  }

  #closeRow(): void {
    if (this.#row < this.#format.headerRow) return;
    if (this.#row === this.#format.headerRow) this.#takeHeader();
    else if (this.#shapes !== undefined) this.#takeRow();
  }

  #takeHeader(): void {
    if (!this.#hasValue || this.#refused !== undefined) return;
    const names = Array.from(this.#cells, (cell) => cell ?? '');
    this.#width = names.length;
    this.#shapes = names.map((name) => this.#shapeOf(name.trim()));
    this.#onHeader(names);
  }

  #shapeOf(name: string): DateShape {
    if (this.#format.dates.includes(name)) return 'date';
    return this.#format.timestamps.includes(name) ? 'timestamp' : undefined;
  }

  #takeRow(): void {
    this.#fill();
    if (!this.#hasValue) return;
    if (this.#cells.length > this.#width) this.#refuse('record.malformed');
    if (this.#refused !== undefined) this.#sink.refuse(refusedRecord(this.#refused));
    else {
      this.#cells.length = this.#width;
      this.#sink.row(this.#cells);
    }
  }

  /** A range over rows of one column gives all of them its value; over columns nobody can tell whose value it is. */
  #fill(): void {
    for (
      let range = this.#tall[this.#tallAt];
      range !== undefined && range.top <= this.#row;
      range = this.#tall[++this.#tallAt]
    )
      this.#fillers.set(range, range.top === this.#row ? (this.#cells[range.left] ?? null) : null);
    for (const [range, value] of this.#fillers) {
      if (range.bottom < this.#row) this.#fillers.delete(range);
      else if (this.#hasValue && value !== null) this.#cells[range.left] ??= value;
    }
    while ((this.#wide[this.#wideAt]?.bottom ?? Number.POSITIVE_INFINITY) < this.#row) this.#wideAt++;
    for (let at = this.#wideAt; (this.#wide[at]?.top ?? Number.POSITIVE_INFINITY) <= this.#row; at++)
      if ((this.#wide[at]?.bottom ?? 0) >= this.#row && (this.#wide[at]?.left ?? 0) < this.#width)
        this.#refuse('record.merged');
  }

  #refuse(code: string): void {
    this.#refused ??= code;
  }
}

/**
 * Excel stores numbers as doubles and writes up to 17 digits: `1.1000000000000001` is the double 1.1. Up to 15 digits the text is the
 * number as it was typed.
 */
function plainNumber(value: string): string {
  if (/^-?\d{1,15}$/.test(value)) return value;
  const digits = value.replaceAll(/[-.]|^-?0+\.?0*/g, '');
  if (/^-?\d+(\.\d+)?$/.test(value) && digits.length <= 15) return value;
  const number = Number(value);
  return value.trim() === '' || !Number.isFinite(number) ? value : withoutExponent(number);
}

function withoutExponent(number: number): string {
  const text = String(number);
  const match = /^(-?)(\d)(?:\.(\d+))?e([+-]\d+)$/.exec(text);
  if (match === null) return text;
  const [, sign = '', first = '', rest = '', exponent = '0'] = match;
  const digits = first + rest;
  const point = 1 + Number(exponent);
  if (point <= 0) return `${sign}0.${'0'.repeat(-point)}${digits}`;
  return `${sign}${digits.padEnd(point, '0')}`;
}
