import { LIMITS } from './limits.ts';
import { FormatProblem } from './problem.ts';

/** The text of one JSON value: `bytes` from `from` up to `to`. It stands at `start` in the file. */
export interface JsonPart {
  readonly bytes: Buffer;
  readonly from: number;
  readonly to: number;
  readonly start: number;
}

/** Parts of a chunk at once: one by one they would take longer to hand over than to read. */
export type JsonParts = AsyncIterable<readonly JsonPart[]>;

export const textOf = ({ bytes, from, to }: JsonPart): string => bytes.toString('utf8', from, to);

/** Lines that are not blank. */
export async function* jsonLines(body: AsyncIterable<Buffer>): AsyncGenerator<readonly JsonPart[]> {
  let held: Buffer = Buffer.alloc(0);
  let offset = 0;
  for await (const chunk of body) {
    const bytes = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
    const lines: JsonPart[] = [];
    let from = 0;
    for (let to = bytes.indexOf(10); to !== -1; to = bytes.indexOf(10, from)) {
      const line = { bytes, from, to, start: offset + from };
      if (!isBlank(line)) lines.push(line);
      from = to + 1;
    }
    held = bytes.subarray(from);
    offset += from;
    tooLong(held.length);
    yield lines;
  }
  const last = { bytes: held, from: 0, to: held.length, start: offset };
  if (!isBlank(last)) yield [last];
}

export const isBlank = (part: JsonPart): boolean =>
  part.bytes[part.from] !== OPEN_BRACE && textOf(part).trim() === '';

const [QUOTE, BACKSLASH, COLON, OPEN_BRACE] = Buffer.from('"\\:{');

function tooLong(bytes: number): void {
  if (bytes <= LIMITS.recordBytes) return;
  throw new FormatProblem('file.too_large', `a record is longer than ${LIMITS.recordBytes} bytes`);
}

// ECMA-262 proposal-json-parse-with-source, in Node 24; TypeScript 5.9 has no types for it yet.
const json = JSON as unknown as {
  parse(
    text: string,
    reviver: (this: unknown, key: string, value: unknown, context: { readonly source?: string }) => unknown,
  ): unknown;
  rawJSON(text: string): { readonly rawJSON: string };
  isRawJSON(value: unknown): value is { readonly rawJSON: string };
};

/**
 * Fields of a JSON object as text, null for null; numbers keep their digits, nested values their JSON. Undefined: no object, or one of
 * which a part would be lost: a key that stands twice in an object (RFC 8259 section 4), half a surrogate pair in a text.
 */
export function jsonFields(text: string): ReadonlyMap<string, string | null> | undefined {
  let value: unknown;
  let members = 0;
  let isWhole = true;
  const backslashed: string[] = [];
  try {
    value = json.parse(text, function (this: unknown, key, each, { source }) {
      if (!Array.isArray(this)) members++;
      if (key.includes('\\')) backslashed.push(key);
      isWhole &&= key.isWellFormed() && (typeof each !== 'string' || each.isWellFormed());
      return typeof each === 'number' && source !== undefined ? json.rawJSON(source) : each;
    });
  } catch (error) {
    // A value nested too deeply for the reviver is refused like one that does not parse.
    if (error instanceof SyntaxError || error instanceof RangeError) return undefined;
    throw error;
  }
  if (!isWhole) return undefined;
  if (typeof value !== 'object' || value === null || Array.isArray(value) || json.isRawJSON(value))
    return undefined;
  // The root is a member of a holder of its own.
  if (members - 1 !== colonsOutsideTexts(text)) return undefined;
  if (backslashed.length > 0 && backslashed.sort().join() !== backslashedKeys(text)) return undefined;
  return new Map(Object.entries(value).map(([key, each]) => [key, fieldText(each)]));
}

/** One for each member of an object, repeated ones too. */
function colonsOutsideTexts(text: string): number {
  let colons = 0;
  let inText = false;
  for (let at = 0; at < text.length; at++) {
    const sign = text.charCodeAt(at);
    if (sign === QUOTE) inText = !inText;
    else if (inText && sign === BACKSLASH) at++;
    else if (!inText && sign === COLON) colons++;
  }
  return colons;
}

/**
 * V8 takes a key with an escape, such as `"\n"`, for the key `"\\"` where an object before had that (nodejs/node#63785). Keys that it
 * makes of others have a backslash always, so those that have one must stand in the text.
 */
function backslashedKeys(text: string): string {
  const keys = text.matchAll(/("(?:[^"\\]|\\.)*")[ \t\r\n]*(:?)/g);
  return Array.from(keys, ([, key = '""', colon]) => (colon === '' ? '' : (JSON.parse(key) as string)))
    .filter((key) => key.includes('\\'))
    .sort()
    .join();
}

function fieldText(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  if (typeof value === 'string') return value;
  return json.isRawJSON(value) ? value.rawJSON : JSON.stringify(value);
}
