import type { CsvFormat } from '../contract/dataset.ts';
import { Preamble } from './preamble.ts';
import { QuoteState } from './quote-state.ts';

const LF = 10;
const CR = 13;
const CRLF = -1;

export interface Scanned {
  /** Header and trailer included; blank lines and skipped lines not. */
  readonly records: number;
  /** Number of the record, from 1, whose quoted field never ends. */
  readonly unterminated?: number;
  /** `mixed`: more than one of LF, CRLF and CR ends records. */
  readonly lineEnd: 'lf' | 'crlf' | 'cr' | 'mixed';
  readonly hasBlankLines: boolean;
  /** Bytes of the longest record, line end not counted. */
  readonly longest: number;
  /** The skipped lines hold a quote or a carriage return. */
  readonly hasOddPreamble: boolean;
  /** A record ends with a delimiter and has more fields than the first one. */
  readonly hasSurplusDelimiters: boolean;
}

/**
 * Counts the records of UTF-8 CSV, apart from the engine (DESIGN promise 1). Where a chunk holds no quote only line ends are looked
 * for, by native search; else every byte is.
 */
export class CsvScanner {
  readonly #quote: number;
  readonly #quotes: QuoteState;
  readonly #delimiter: number;
  readonly #preamble: Preamble;
  #inPreamble: boolean;
  #hasOddPreamble = false;
  #hasSurplusDelimiters = false;
  /** Delimiters of the first record. */
  #expected = 0;
  /** Delimiters of the record so far, and whether one was its last byte. */
  #delimiters = 0;
  #endsWithDelimiter = false;
  #hasBytes = false;
  #records = 0;
  #quotedSince = 0;
  #afterCr = false;
  #hasCr = false;
  #hasLf = false;
  #hasCrLf = false;
  #hasBlankLines = false;
  #length = 0;
  #longest = 0;

  constructor(format: CsvFormat) {
    this.#quote = format.quote === '' ? -1 : format.quote.charCodeAt(0);
    this.#quotes = new QuoteState(format);
    this.#delimiter = format.delimiter.charCodeAt(0);
    this.#preamble = new Preamble(format.skipLines);
    this.#inPreamble = format.skipLines > 0;
  }

  push(chunk: Buffer): void {
    const rest = this.#inPreamble ? this.#afterPreamble(chunk) : chunk;
    if (rest.length === 0) return;
    const plain =
      !this.#quotes.inQuotes && !this.#afterCr && (this.#quote === -1 || !rest.includes(this.#quote));
    if (plain && !hasLoneCr(rest)) this.#lines(rest);
    else for (const byte of rest) this.#byte(byte);
  }

  end(): Scanned {
    if (this.#afterCr) this.#lineEndAt(CR);
    if (this.#hasBytes) this.#checkWidth();
    const unterminated = this.#quotes.inQuotes ? { unterminated: this.#quotedSince } : {};
    if (this.#hasBytes) this.#records++;
    const kinds = [this.#hasLf, this.#hasCrLf, this.#hasCr].filter(Boolean).length;
    const one = this.#hasCr ? 'cr' : this.#hasCrLf ? 'crlf' : 'lf';
    return {
      records: this.#records,
      ...unterminated,
      lineEnd: kinds > 1 ? 'mixed' : one,
      hasBlankLines: this.#hasBlankLines,
      longest: Math.max(this.#longest, this.#length),
      hasOddPreamble: this.#hasOddPreamble,
      hasSurplusDelimiters: this.#hasSurplusDelimiters,
    };
  }

  #afterPreamble(chunk: Buffer): Buffer {
    const rest = this.#preamble.rest(chunk);
    const skipped = chunk.subarray(0, chunk.length - rest.length);
    this.#hasOddPreamble ||= skipped.includes(CR) || (this.#quote !== -1 && skipped.includes(this.#quote));
    this.#inPreamble = rest.length === 0;
    return rest;
  }

  #lines(chunk: Buffer): void {
    let from = 0;
    for (let at = chunk.indexOf(LF); at !== -1; at = chunk.indexOf(LF, from)) {
      const afterCr = at > from && chunk[at - 1] === CR;
      const end = afterCr ? at - 1 : at;
      this.#ended(at - from);
      if (end > from || this.#hasBytes) {
        this.#widen(chunk, from, end, false);
        this.#checkWidth();
        this.#records++;
      } else this.#hasBlankLines = true;
      this.#hasBytes = false;
      if (afterCr) this.#hasCrLf = true;
      else this.#hasLf = true;
      from = at + 1;
    }
    if (from < chunk.length) {
      this.#hasBytes = true;
      this.#widen(chunk, from, chunk.length, true);
    }
    this.#length += chunk.length - from;
    this.#quotes.skip(chunk);
  }

  #ended(more: number): void {
    this.#longest = Math.max(this.#longest, this.#length + more);
    this.#length = 0;
  }

  #byte(byte: number): void {
    this.#length++;
    if (this.#quotes.inQuotes) return this.#quotes.take(byte);
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
    this.#endsWithDelimiter = byte === this.#delimiter;
    if (this.#endsWithDelimiter) this.#delimiters++;
    this.#quotes.take(byte);
    if (this.#quotes.inQuotes) this.#quotedSince = this.#records + 1;
  }

  #lineEndAt(kind: number): void {
    this.#ended(0);
    if (kind === CR) this.#hasCr = true;
    else if (kind === CRLF) this.#hasCrLf = true;
    else this.#hasLf = true;
    if (this.#hasBytes) {
      this.#checkWidth();
      this.#records++;
    } else this.#hasBlankLines = true;
    this.#hasBytes = false;
    this.#quotes.restart();
  }

  /** Takes the delimiters of a part of a record without quotes; only where they may matter, for they are looked for byte by byte. */
  #widen(chunk: Buffer, from: number, to: number, isUnfinished: boolean): void {
    if (to > from) this.#endsWithDelimiter = chunk[to - 1] === this.#delimiter;
    const matters = isUnfinished || this.#endsWithDelimiter || this.#records === 0;
    if (!matters || this.#hasSurplusDelimiters) return;
    for (let at = from; at < to; at++) if (chunk[at] === this.#delimiter) this.#delimiters++;
  }

  /** The record ends here; before it is counted. */
  #checkWidth(): void {
    if (this.#records === 0) this.#expected = this.#delimiters;
    this.#hasSurplusDelimiters ||= this.#endsWithDelimiter && this.#delimiters > this.#expected;
    this.#delimiters = 0;
    this.#endsWithDelimiter = false;
  }
}

function hasLoneCr(chunk: Buffer): boolean {
  for (let at = chunk.indexOf(CR); at !== -1; at = chunk.indexOf(CR, at + 1)) {
    if (chunk[at + 1] !== LF) return true;
  }
  return false;
}
