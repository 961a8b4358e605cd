import type { CsvLines } from './canonical.ts';
import { LIMITS } from './limits.ts';

/** What stands in a place of JSON text: a text that is its value's as it is, one with escapes, an object or array, one with blanks in it. */
export const NOTHING = 0;
export const NULL = 1;
export const PLAIN = 2;
const ESCAPED = 3;
const NESTED = 4;
const SPACED = 5;

/**
 * Walks over JSON text (RFC 8259) as bytes, and judges it as `JSON.parse` does. Methods that find something else than they look for return
 * false, and the text is none.
 */
export class JsonText {
  bytes: Uint8Array = new Uint8Array(0);
  at = 0;
  end = 0;
  /** Of the leaf that was passed over last: its kind, and where its text begins and ends. */
  kind = NOTHING;
  from = 0;
  to = 0;
  /** An object or array was nested too deeply. */
  isDeep = false;

  /** The sign at hand, 0 at the end. */
  get sign(): number {
    return this.at < this.end ? (this.bytes[this.at] as number) : 0;
  }

  take(sign: number): boolean {
    if (this.sign !== sign) return false;
    this.at++;
    return true;
  }

  blanks(): void {
    const { bytes, end } = this;
    let { at } = this;
    while (at < end && isBlank(bytes[at] as number)) at++;
    this.at = at;
  }

  /** A whole value, of any kind. */
  leaf(): boolean {
    const start = this.at;
    const sign = this.sign;
    if (sign === QUOTE) return this.text();
    this.from = start;
    const isNested = sign === OPEN_BRACE || sign === OPEN_BRACKET;
    const isValue = isNested
      ? this.#nested()
      : sign === LETTER_N
        ? this.#word(WORDS.null)
        : sign === LETTER_T
          ? this.#word(WORDS.true)
          : sign === LETTER_F
            ? this.#word(WORDS.false)
            : this.#number();
    if (!isNested) this.kind = sign === LETTER_N ? NULL : PLAIN;
    this.from = start;
    this.to = this.at;
    return isValue;
  }

  text(): boolean {
    const { bytes, end } = this;
    this.kind = PLAIN;
    this.from = this.at + 1;
    if (this.sign !== QUOTE) return false;
    for (let at = this.from; at < end; at++) {
      const sign = bytes[at] as number;
      if (sign > BACKSLASH) continue;
      if (sign === QUOTE) {
        this.to = at;
        this.at = at + 1;
        return true;
      }
      if (sign < BLANK) return false;
      if (sign !== BACKSLASH) continue;
      this.kind = ESCAPED;
      const letter = bytes[++at] as number;
      if (letter === LETTER_U) {
        for (const last = at + 4; at < last; ) if (!isHex(bytes[++at] as number)) return false;
      } else if (!(letter < 128 && ESCAPES[letter] !== 0)) return false;
    }
    return false;
  }

  #word(word: Uint8Array): boolean {
    for (const sign of word) if (!this.take(sign)) return false;
    return true;
  }

  #number(): boolean {
    this.take(MINUS);
    if (!this.take(ZERO) && !this.#digits()) return false;
    if (this.take(POINT) && !this.#digits()) return false;
    if ((this.sign | 32) !== LETTER_E) return true;
    this.at++;
    if (!this.take(PLUS)) this.take(MINUS);
    return this.#digits();
  }

  #digits(): boolean {
    const { bytes, end, at: first } = this;
    let at = first;
    while (at < end && isDigit(bytes[at] as number)) at++;
    this.at = at;
    return at > first;
  }

  /** Without recursion, for a hostile text is as deep as it is long. */
  #nested(): boolean {
    const open: number[] = [];
    let hasBlanks = false;
    const blanks = () => {
      const before = this.at;
      this.blanks();
      if (this.at > before) hasBlanks = true;
    };
    for (;;) {
      const sign = this.sign;
      if (sign === OPEN_BRACE || sign === OPEN_BRACKET) {
        this.at++;
        open.push(sign + 2);
        if (open.length > LIMITS.nesting) this.isDeep = true;
        blanks();
        if (this.sign !== sign + 2) {
          if (sign === OPEN_BRACE && !this.#key(blanks)) return false;
          continue;
        }
      } else if (!this.leaf()) return false;
      for (;;) {
        // Behind a value, or before the sign that closes an empty object or array.
        blanks();
        const close = open.at(-1) as number;
        if (this.take(close)) {
          open.pop();
          if (open.length > 0) continue;
          this.kind = hasBlanks ? SPACED : NESTED;
          return true;
        }
        if (!this.take(COMMA)) return false;
        blanks();
        if (close === CLOSE_BRACE && !this.#key(blanks)) return false;
        break;
      }
    }
  }

  #key(blanks: () => void): boolean {
    if (!this.text()) return false;
    blanks();
    if (!this.take(COLON)) return false;
    blanks();
    return true;
  }
}

/** Writes a leaf as a field: a text as it is meant, a number in its own digits, anything nested as JSON without blanks. */
export function writeLeaf(lines: CsvLines, kind: number, bytes: Buffer, from: number, to: number): void {
  if (kind <= NULL) {
    lines.none();
    return;
  }
  if (kind !== ESCAPED && kind !== SPACED) {
    lines.copied(bytes, from, to);
    return;
  }
  lines.open();
  if (kind === ESCAPED) writeEscaped(lines, bytes, from, to);
  else writeSpaced(lines, bytes, from, to);
  lines.close();
}

function writeEscaped(lines: CsvLines, bytes: Buffer, start: number, to: number): void {
  let from = start;
  for (let at = start; at < to; at++) {
    if (bytes[at] !== BACKSLASH) continue;
    lines.copy(bytes, from, at);
    const letter = bytes[at + 1] as number;
    if (letter === LETTER_U) {
      lines.text(textOf(bytes, at, to));
      return;
    }
    lines.copy(ESCAPES, letter, letter + 1);
    from = ++at + 1;
  }
  lines.copy(bytes, from, to);
}

/** The text between two quotes. */
export const textOf = (bytes: Buffer, from: number, to: number): string =>
  JSON.parse(`"${bytes.toString('utf8', from, to)}"`) as string;

function writeSpaced(lines: CsvLines, bytes: Buffer, start: number, to: number): void {
  let from = start;
  let inText = false;
  for (let at = start; at < to; at++) {
    const sign = bytes[at] as number;
    if (sign === QUOTE) inText = !inText;
    else if (inText && sign === BACKSLASH) at++;
    else if (!inText && isBlank(sign)) {
      lines.copy(bytes, from, at);
      from = at + 1;
    }
  }
  lines.copy(bytes, from, to);
}

export const QUOTE = 34;
const PLUS = 43;
export const COMMA = 44;
const MINUS = 45;
const POINT = 46;
const ZERO = 48;
export const COLON = 58;
export const OPEN_BRACKET = 91;
const BACKSLASH = 92;
export const CLOSE_BRACKET = 93;
const LETTER_E = 101;
const LETTER_F = 102;
export const LETTER_N = 110;
const LETTER_T = 116;
const LETTER_U = 117;
export const OPEN_BRACE = 123;
export const CLOSE_BRACE = 125;
const BLANK = 32;

const WORDS = { null: Buffer.from('null'), true: Buffer.from('true'), false: Buffer.from('false') };

/** What a letter behind a backslash stands for, 0: no escape. */
const ESCAPES = new Uint8Array(128);
for (const pair of ['""', '\\\\', '//', 'b\b', 'f\f', 'n\n', 'r\r', 't\t'])
  ESCAPES[pair.charCodeAt(0)] = pair.charCodeAt(1);

const isBlank = (sign: number): boolean => sign === BLANK || sign === 10 || sign === 13 || sign === 9;
const isDigit = (sign: number): boolean => sign >= ZERO && sign <= 57;
const isHex = (sign: number): boolean =>
  isDigit(sign) || ((sign | 32) >= 97 && (sign | 32) <= LETTER_F && sign < 128);
