import type { CsvFormat } from '../contract/dataset.ts';

const AT_FIELD = 0;
const IN_FIELD = 1;
const IN_QUOTES = 2;
const AFTER_QUOTES = 3;

const BLANK = 32;
const LF = 10;

/**
 * Whether a byte of a CSV record stands inside a quoted field. Quotes open at the start of a field and after closing quotes, blanks
 * before them allowed: so DuckDB 1.5.6 reads them (found by the property test).
 */
export class QuoteState {
  readonly #quote: number;
  readonly #escape: number;
  readonly #delimiter: number;
  #state = AT_FIELD;
  #escaped = false;

  constructor({ quote, escape, delimiter }: Pick<CsvFormat, 'quote' | 'escape' | 'delimiter'>) {
    this.#quote = quote === '' ? -1 : quote.charCodeAt(0);
    this.#escape = escape === '' || escape === quote ? -1 : escape.charCodeAt(0);
    this.#delimiter = delimiter.charCodeAt(0);
  }

  get inQuotes(): boolean {
    return this.#state === IN_QUOTES;
  }

  /** A record ended. */
  restart(): void {
    this.#state = AT_FIELD;
  }

  /** Takes many bytes that hold no quote. */
  skip(bytes: Uint8Array): void {
    let at = bytes.length - 1;
    while (at >= 0 && bytes[at] === BLANK) at--;
    if (at >= 0) this.#state = bytes[at] === this.#delimiter || bytes[at] === LF ? AT_FIELD : IN_FIELD;
  }

  /** Takes a byte that is no line end outside quotes. */
  take(byte: number): void {
    if (this.#state === IN_QUOTES) this.#inside(byte);
    else if (byte === this.#quote && this.#state !== IN_FIELD) this.#state = IN_QUOTES;
    else if (byte === this.#delimiter) this.#state = AT_FIELD;
    else if (byte !== BLANK) this.#state = IN_FIELD;
  }

  #inside(byte: number): void {
    if (this.#escaped) this.#escaped = false;
    else if (byte === this.#escape) this.#escaped = true;
    else if (byte === this.#quote) this.#state = AFTER_QUOTES;
  }
}
