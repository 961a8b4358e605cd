import type { CsvFormat } from '../contract/dataset.ts';

/**
 * Fields of the first record of a text, after the skipped lines; undefined where the record does not end within the text's
 * first `LIMITS.headerBytes`. Used for headers and trailers only: rows are parsed by the engine.
 */
export function splitRecord(
  text: string,
  { delimiter, quote, escape, skipLines }: CsvFormat,
): readonly string[] | undefined {
  let at = 0;
  for (let skipped = 0; skipped < skipLines; skipped++) {
    const end = /\r\n|\r|\n/g;
    end.lastIndex = at;
    if (end.exec(text) === null) return undefined;
    at = end.lastIndex;
  }
  while (text[at] === '\r' || text[at] === '\n' || text[at] === '\uFEFF') at++;
  const fields: string[] = [];
  let field = '';
  let quoted = false;
  for (; at < text.length; at++) {
    const sign = text[at] ?? '';
    if (quoted) {
      if (sign === escape && text[at + 1] === quote) field += text[++at];
      else if (sign === quote) quoted = false;
      else field += sign;
    } else if (quote !== '' && sign === quote && field.trim() === '') quoted = true;
    else if (sign === delimiter) {
      fields.push(field);
      field = '';
    } else if (sign === '\n' || sign === '\r') return [...fields, field];
    else field += sign;
  }
  return [...fields, field];
}
