import { isBlank, type JsonPart } from './json-records.ts';
import { LIMITS } from './limits.ts';
import { steps } from './paths.ts';
import { FormatProblem } from './problem.ts';

const QUOTE = 34;
const BACKSLASH = 92;
const COMMA = 44;
const OPEN_BRACE = 123;
const CLOSE_BRACE = 125;
const OPEN_BRACKET = 91;
const CLOSE_BRACKET = 93;

/**
 * Elements of an array in JSON: the top-level one, or the one at a path of a file that is one object.
 * @throws FormatProblem where the array is not there, or the file ends inside it
 */
export async function* jsonArray(
  body: AsyncIterable<Buffer>,
  path?: string,
): AsyncGenerator<readonly JsonPart[]> {
  const scanner = new PathScanner(path === undefined ? [] : steps(path));
  for await (const chunk of body) yield Array.from(scanner.push(chunk));
  scanner.end();
}

/** Looks at the signs of the structure and at keys on the way to the array; the elements themselves are judged later. */
class PathScanner {
  readonly #path: readonly string[];
  #held: Buffer = Buffer.alloc(0);
  #offset = 0;
  #at = 0;
  /** Signs that close what is open. */
  readonly #open: number[] = [];
  /** Open objects that lead to the array. */
  #matched = 0;
  #key: string | undefined;
  #isIn = false;
  #isFound = false;
  #isOver = false;
  #from = 0;
  /** Behind an element of the array. */
  #hasComma = false;

  constructor(path: readonly string[]) {
    this.#path = path;
  }

  *push(chunk: Buffer): Generator<JsonPart> {
    const bytes = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    let at = this.#at;
    while (at < bytes.length) {
      const byte = bytes[at] ?? 0;
      if (byte === QUOTE && this.#open.length > 0) {
        const end = stringEnd(bytes, at);
        if (end === -1) break;
        if (!this.#isIn && this.#open.length === this.#matched)
          this.#key = keyOf(bytes.subarray(at, end + 1));
        at = end + 1;
        continue;
      }
      if (byte === OPEN_BRACE || byte === OPEN_BRACKET) this.#opens(byte, at);
      else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
        if (this.#isIn && this.#open.length === this.#inside) yield* this.#element(bytes, at, false);
        this.#closes(byte);
      } else if (byte === COMMA && this.#isIn && this.#open.length === this.#inside)
        yield* this.#element(bytes, at, true);
      else if (byte > 32 && this.#open.length === 0) throw this.#notThere();
      at++;
    }
    const keep = this.#isIn ? this.#from : at;
    this.#held = bytes.subarray(keep);
    this.#offset += keep;
    this.#at = at - keep;
    this.#from -= keep;
    if (this.#held.length > LIMITS.recordBytes)
      throw new FormatProblem('file.too_large', `a record is longer than ${LIMITS.recordBytes} bytes`);
  }

  end(): void {
    if (this.#open.length > 0 || this.#at < this.#held.length)
      throw new FormatProblem('file.format', 'the JSON is cut off; send the file again');
    if (!this.#isFound) throw this.#notThere();
  }

  /** Number of open brackets right inside the array. */
  get #inside(): number {
    return this.#path.length + 1;
  }

  #opens(byte: number, at: number): void {
    const depth = this.#open.length;
    if (depth === 0 && this.#isOver) throw this.#notThere();
    const isOnPath =
      !this.#isIn && depth === this.#matched && (depth === 0 || this.#key === this.#path[depth - 1]);
    const isLast = depth === this.#path.length;
    this.#open.push(byte === OPEN_BRACE ? CLOSE_BRACE : CLOSE_BRACKET);
    if (isOnPath && isLast && byte === OPEN_BRACKET) this.#enters(at);
    if (isOnPath && !isLast && byte === OPEN_BRACE) this.#matched = depth + 1;
    if (!this.#isIn && this.#open.length > LIMITS.nesting)
      throw new FormatProblem(
        'file.too_large',
        `objects and arrays are nested deeper than ${LIMITS.nesting}`,
      );
  }

  #enters(at: number): void {
    if (this.#isFound)
      throw new FormatProblem('file.format', `there are two arrays at ${this.#path.join('/')}`);
    this.#isIn = true;
    this.#isFound = true;
    this.#from = at + 1;
  }

  #closes(byte: number): void {
    if (this.#open.pop() !== byte)
      throw new FormatProblem('file.format', 'brackets of the JSON do not match; send the file again');
    if (this.#open.length < this.#inside) this.#isIn = false;
    this.#matched = Math.min(this.#matched, this.#open.length);
    if (this.#open.length === 0) this.#isOver = true;
  }

  *#element(bytes: Buffer, to: number, more: boolean): Generator<JsonPart> {
    const part = { bytes, from: this.#from, to, start: this.#offset + this.#from };
    this.#from = to + 1;
    if (more || !isBlank(part)) yield part;
    else if (this.#hasComma)
      throw new FormatProblem('file.format', 'the JSON array ends with a comma; send the file again');
    this.#hasComma = more;
  }

  #notThere(): FormatProblem {
    return new FormatProblem(
      'file.format',
      this.#path.length === 0
        ? 'the file is not one JSON array of objects; for one object a line use format jsonl, for an array inside an object json.records'
        : `the file is not one JSON object with an array of records at ${this.#path.join('/')}`,
    );
  }
}

const keyOf = (bytes: Buffer): string | undefined => {
  try {
    return JSON.parse(bytes.toString()) as string;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
};

function stringEnd(bytes: Buffer, from: number): number {
  for (let end = bytes.indexOf(QUOTE, from + 1); end !== -1; end = bytes.indexOf(QUOTE, end + 1)) {
    let before = end;
    while (bytes[before - 1] === BACKSLASH) before--;
    if ((end - before) % 2 === 0) return end;
  }
  return -1;
}
