import type { CsvFormat } from '../contract/dataset.ts';
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
}

/**
 * Counts the records of UTF-8 CSV, apart from the engine (DESIGN promise 1). Where a chunk holds no quote only line ends are looked
 * for, by native search; else every byte is.
 */
export class CsvScanner {
  readonly #quote: number;
  readonly #quotes: QuoteState;
  #toSkip: number;
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
    this.#toSkip = format.skipLines;
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
      !this.#quotes.inQuotes && !this.#afterCr && (this.#quote === -1 || !rest.includes(this.#quote));
    if (plain && !hasLoneCr(rest)) this.#lines(rest);
    else for (const byte of rest) this.#byte(byte);
  }

  end(): Scanned {
    if (this.#afterCr) this.#lineEndAt(CR);
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
    };
  }

  #lines(chunk: Buffer): void {
    let from = 0;
    for (let at = chunk.indexOf(LF); at !== -1; at = chunk.indexOf(LF, from)) {
      const afterCr = at > from && chunk[at - 1] === CR;
      this.#ended(at - from);
      if (at - from - (afterCr ? 1 : 0) > 0 || this.#hasBytes) this.#records++;
      else this.#hasBlankLines = true;
      this.#hasBytes = false;
      if (afterCr) this.#hasCrLf = true;
      else this.#hasLf = true;
      from = at + 1;
    }
    if (from < chunk.length) this.#hasBytes = true;
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
    this.#quotes.take(byte);
    if (this.#quotes.inQuotes) this.#quotedSince = this.#records + 1;
  }

  #lineEndAt(kind: number): void {
    this.#ended(0);
    if (kind === CR) this.#hasCr = true;
    else if (kind === CRLF) this.#hasCrLf = true;
    else this.#hasLf = true;
    if (this.#hasBytes) this.#records++;
    else this.#hasBlankLines = true;
    this.#hasBytes = false;
    this.#quotes.restart();
  }
}

function hasLoneCr(chunk: Buffer): boolean {
  for (let at = chunk.indexOf(CR); at !== -1; at = chunk.indexOf(CR, at + 1)) {
    if (chunk[at + 1] !== LF) return true;
  }
  return false;
}
