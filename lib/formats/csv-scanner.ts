import type { CsvFormat } from '../contract/dataset.ts';

const LF = 10;
const CR = 13;
const CRLF = -1;

const AT_FIELD = 0;
const IN_FIELD = 1;
const IN_QUOTES = 2;
const AFTER_QUOTES = 3;

export interface Scanned {
  /** Header and trailer included; blank lines and skipped lines not. */
  readonly records: number;
  /** Number of the record, from 1, whose quoted field never ends. */
  readonly unterminated?: number;
  /** `mixed`: more than one of LF, CRLF and CR ends records. */
  readonly lineEnd: 'lf' | 'crlf' | 'cr' | 'mixed';
  readonly hasBlankLines: boolean;
}

/**
 * Counts the records of UTF-8 CSV, apart from the engine (DESIGN promise 1). Where a chunk holds no quote only line ends are looked for,
 * by native search; else every byte is.
 */
export class CsvScanner {
  readonly #quote: number;
  readonly #escape: number;
  readonly #delimiter: number;
  #toSkip: number;
  #state = AT_FIELD;
  #hasBytes = false;
  #escaped = false;
  #records = 0;
  #quotedSince = 0;
  #loneCr = false;
  #afterCr = false;
  #hasLf = false;
  #hasCrLf = false;
  #hasBlankLines = false;

  constructor({ quote, escape, delimiter, skipLines }: CsvFormat) {
    this.#quote = quote === '' ? -1 : quote.charCodeAt(0);
    this.#escape = escape === '' ? -1 : escape.charCodeAt(0);
    this.#delimiter = delimiter.charCodeAt(0);
    this.#toSkip = skipLines;
  }

  push(chunk: Buffer): void {
    let rest = chunk;
    while (this.#toSkip > 0) {
      const end = rest.indexOf(LF);
      if (end === -1) return;
      this.#toSkip--;
      rest = rest.subarray(end + 1);
    }
    if (rest.length === 0) return;
    const plain =
      this.#state !== IN_QUOTES && !this.#afterCr && (this.#quote === -1 || !rest.includes(this.#quote));
    if (plain && !this.#hasLoneCr(rest)) this.#lines(rest);
    else this.#bytes(rest);
  }

  end(): Scanned {
    if (this.#afterCr) this.#lineEndAt(CR);
    const unterminated = this.#state === IN_QUOTES ? this.#quotedSince : undefined;
    if (this.#hasBytes) this.#records++;
    return {
      records: this.#records,
      ...(unterminated === undefined ? {} : { unterminated }),
      lineEnd: this.#lineEnd(),
      hasBlankLines: this.#hasBlankLines,
    };
  }

  #lineEnd(): Scanned['lineEnd'] {
    const kinds = [this.#hasLf, this.#hasCrLf, this.#loneCr].filter(Boolean).length;
    if (kinds > 1) return 'mixed';
    if (this.#loneCr) return 'cr';
    return this.#hasCrLf ? 'crlf' : 'lf';
  }

  #hasLoneCr(chunk: Buffer): boolean {
    for (let at = chunk.indexOf(CR); at !== -1; at = chunk.indexOf(CR, at + 1)) {
      if (chunk[at + 1] !== LF) return true;
    }
    return false;
  }

  #lines(chunk: Buffer): void {
    let from = 0;
    for (let at = chunk.indexOf(LF); at !== -1; at = chunk.indexOf(LF, from)) {
      const afterCr = at > from && chunk[at - 1] === CR;
      if (at - from - (afterCr ? 1 : 0) > 0 || this.#hasBytes) this.#records++;
      else this.#hasBlankLines = true;
      this.#hasBytes = false;
      if (afterCr) this.#hasCrLf = true;
      else this.#hasLf = true;
      from = at + 1;
    }
    if (from < chunk.length) this.#hasBytes = true;
    this.#state = chunk[chunk.length - 1] === this.#delimiter || !this.#hasBytes ? AT_FIELD : IN_FIELD;
  }

  #bytes(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at] ?? 0;
      if (this.#state === IN_QUOTES) this.#inQuotes(byte);
      else this.#outside(byte);
    }
  }

  #inQuotes(byte: number): void {
    if (this.#escaped) this.#escaped = false;
    else if (byte === this.#escape && this.#escape !== this.#quote) this.#escaped = true;
    else if (byte === this.#quote) this.#state = AFTER_QUOTES;
  }

  #outside(byte: number): void {
    if (this.#afterCr) {
      this.#afterCr = false;
      this.#lineEndAt(byte === LF ? CRLF : CR);
      if (byte === LF) return;
    }
    if (byte === CR) this.#afterCr = true;
    else if (byte === LF) this.#lineEndAt(LF);
    else this.#inRecord(byte);
  }

  #inRecord(byte: number): void {
    this.#hasBytes = true;
    if (byte === this.#quote && (this.#state === AT_FIELD || this.#state === AFTER_QUOTES)) {
      if (this.#state === AT_FIELD) this.#quotedSince = this.#records + 1;
      this.#state = IN_QUOTES;
    } else this.#state = byte === this.#delimiter ? AT_FIELD : IN_FIELD;
  }

  #lineEndAt(byte: number): void {
    if (byte === CR) this.#loneCr = true;
    else if (byte === CRLF) this.#hasCrLf = true;
    else this.#hasLf = true;
    if (this.#hasBytes) this.#records++;
    else this.#hasBlankLines = true;
    this.#hasBytes = false;
    this.#state = AT_FIELD;
  }
}
