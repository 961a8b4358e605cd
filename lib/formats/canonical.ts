import { isUtf8 } from 'node:buffer';
import { LIMITS } from './limits.ts';

/** Bytes in the file, null where the format does not tell them. */
export interface Place {
  readonly start: number | null;
  readonly end: number | null;
}

const NOWHERE: Place = { start: null, end: null };

/** A record that is none. */
export interface RefusedRecord extends Place {
  readonly code: string;
}

export const refusedRecord = (code: string): RefusedRecord => ({ code, ...NOWHERE });

/** A record that is none; `record` is its number in the file, from 1. */
export interface RejectedRecord extends RefusedRecord {
  readonly record: number;
}

/** Where a reader hands its records to, in the order of the file. */
export interface RecordSink {
  /** A text for each name of the header, null where there is no value. */
  row(fields: readonly (string | null | undefined)[], place?: Place): void;
  refuse(record: RefusedRecord): void;
}

/** Reads on whenever it is asked to, and hands over what it finds. */
export type Read<Sink> = (sink: Sink) => AsyncIterable<unknown>;

/** Number of records that a reader finds. */
export async function countRecords(read: Read<RecordSink>): Promise<number> {
  let records = 0;
  const count = () => {
    records++;
  };
  for await (const _part of read({ row: count, refuse: count }));
  return records;
}

const PART = 256 * 1024;

/** CSV with comma, double quotes, LF and a header. What the engine's parser could not take or UTF-8 not hold is refused here. */
export async function* canonicalCsv(
  header: readonly string[],
  read: Read<CsvLines>,
  onReject: (record: RejectedRecord) => void,
): AsyncGenerator<Uint8Array> {
  const lines = new CsvLines(onReject);
  yield Buffer.from(`${header.map((name) => `"${name.replaceAll('"', '""')}",`).join('')}\n`);
  for await (const _part of read(lines)) if (lines.length >= PART) yield lines.taken();
  yield lines.taken();
}

/**
 * Lines of canonical CSV as bytes, field by field: nothing, or a text between two quotes, then a comma. So a field of no column follows
 * the last one, and a record of one null is no blank line.
 */
export class CsvLines implements RecordSink {
  readonly #onReject: (record: RejectedRecord) => void;
  #bytes = Buffer.allocUnsafe(2 * PART);
  #length = 0;
  /** Where the line begins that is being written. */
  #line = 0;
  #records = 0;
  /** All bytes copied into the line, or-ed: from 128 on they may be no UTF-8. */
  #signs = 0;
  #isOdd = false;

  constructor(onReject: (record: RejectedRecord) => void) {
    this.#onReject = onReject;
  }

  get length(): number {
    return this.#length;
  }

  /** What has been written since the last time. */
  taken(): Buffer {
    const bytes = this.#bytes.subarray(0, this.#length);
    this.#bytes = Buffer.allocUnsafe(2 * PART);
    this.#length = 0;
    this.#line = 0;
    return bytes;
  }

  row(fields: readonly (string | null | undefined)[], place?: Place): void {
    for (let index = 0; index < fields.length; index++) {
      const field = fields[index];
      if (field === null || field === undefined) this.none();
      else {
        this.open();
        this.text(field);
        this.close();
      }
    }
    this.end(place);
  }

  refuse(record: RefusedRecord): void {
    this.#records++;
    this.#restart(this.#line);
    this.#onReject({ record: this.#records, ...record });
  }

  none(): void {
    this.#room(1);
    this.#bytes[this.#length++] = COMMA;
  }

  open(): void {
    this.#room(1);
    this.#bytes[this.#length++] = QUOTE;
  }

  close(): void {
    this.#room(2);
    this.#bytes[this.#length++] = QUOTE;
    this.#bytes[this.#length++] = COMMA;
  }

  /** A whole field, as `copy` writes it. */
  copied(source: Uint8Array, from: number, to: number): void {
    this.open();
    this.copy(source, from, to);
    this.close();
  }

  /** A safe integer as a part of a field, with the point `scale` digits from its right. */
  decimal(unscaled: number, scale: number): void {
    if (scale > 9 || unscaled > MOST_SMALL || unscaled < -MOST_SMALL) {
      this.text(pointed(unscaled, scale));
      return;
    }
    this.#room(MOST_DIGITS);
    const bytes = this.#bytes;
    if (unscaled < 0) bytes[this.#length++] = MINUS;
    let left = Math.abs(unscaled) | 0;
    let digits = scale + 1;
    while (digits < 10 && left >= (POWERS[digits] as number)) digits++;
    const end = this.#length + digits + (scale > 0 ? 1 : 0);
    const point = scale > 0 ? end - scale - 1 : -1;
    for (let at = end - 1; at >= this.#length; at--) {
      if (at === point) {
        bytes[at] = POINT;
        continue;
      }
      const next = (left / 10) | 0;
      bytes[at] = ZERO + left - next * 10;
      left = next;
    }
    this.#length = end;
  }

  /** A part of a field. */
  text(text: string): void {
    this.#room(text.length * 2);
    const bytes = this.#bytes;
    let at = this.#length;
    for (let index = 0; index < text.length; index++) {
      const sign = text.charCodeAt(index);
      if (sign <= QUOTE) {
        if (sign === QUOTE) bytes[at++] = QUOTE;
        else if (sign === 0) this.#isOdd = true;
      } else if (sign > 127) {
        this.#length = at;
        this.#wide(text.slice(index));
        return;
      }
      bytes[at++] = sign;
    }
    this.#length = at;
  }

  #wide(text: string): void {
    if (!text.isWellFormed() || text.includes('\0')) this.#isOdd = true;
    const quoted = text.includes('"') ? text.replaceAll('"', '""') : text;
    this.#room(quoted.length * 3);
    this.#length += this.#bytes.write(quoted, this.#length);
  }

  /** A part of a field that is UTF-8 text already, or else the line is refused at its end. */
  copy(source: Uint8Array, from: number, to: number): void {
    this.#room((to - from) * 2);
    const bytes = this.#bytes;
    let at = this.#length;
    let signs = 0;
    for (let index = from; index < to; index++) {
      const sign = source[index] as number;
      signs |= sign;
      if (sign <= QUOTE) {
        if (sign === QUOTE) bytes[at++] = QUOTE;
        else if (sign === 0) this.#isOdd = true;
      }
      bytes[at++] = sign;
    }
    this.#signs |= signs;
    this.#length = at;
  }

  /** Of the record that the line holds, and that stands at `place`. */
  end({ start, end }: Place = NOWHERE): void {
    this.#room(1);
    this.#bytes[this.#length++] = LF;
    const line = this.#line;
    if (this.#length - line >= LIMITS.recordBytes) this.refuse({ code: 'record.too_long', start, end });
    else if (this.#isOdd || (this.#signs > 127 && !isUtf8(this.#bytes.subarray(line, this.#length))))
      this.refuse({ code: 'record.malformed', start, end });
    else {
      this.#records++;
      this.#restart(this.#length);
    }
  }

  #restart(at: number): void {
    this.#length = at;
    this.#line = at;
    this.#signs = 0;
    this.#isOdd = false;
  }

  #room(bytes: number): void {
    if (this.#length + bytes <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#length + bytes));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}

const LF = 10;
const QUOTE = 34;
const COMMA = 44;
const MINUS = 45;
const POINT = 46;
const ZERO = 48;
/** What fits into 31 bits takes 10 digits, a sign and a point. */
const MOST_SMALL = 2 ** 31 - 1;
const MOST_DIGITS = 12;
const POWERS = Array.from({ length: 11 }, (_, digits) => 10 ** digits);

/** A number as text with the point `scale` digits from its right. */
export function pointed(unscaled: number | bigint, scale: number): string {
  const digits = (unscaled < 0 ? -unscaled : unscaled).toString().padStart(scale + 1, '0');
  const whole = digits.slice(0, digits.length - scale);
  return `${unscaled < 0 ? '-' : ''}${whole}${scale === 0 ? '' : `.${digits.slice(-scale)}`}`;
}
