import type { FixedWidthFormat } from '../contract/dataset.ts';
import { type RecordSink, refusedRecord } from './canonical.ts';
import { CsvScanner } from './csv-scanner.ts';
import { toUtf8 } from './encoding.ts';
import type { Content } from './file-profile.ts';
import { LIMITS } from './limits.ts';
import { FormatProblem } from './problem.ts';

const LINES = { delimiter: '\0', quote: '', escape: '' } as const;

/** Counts the lines that are not empty, by their ends alone. */
export async function profileFixedWidth(
  body: AsyncIterable<Uint8Array>,
  { encoding, skipLines, fields }: FixedWidthFormat,
): Promise<Content> {
  const scanner = new CsvScanner({ kind: 'csv', ...LINES, header: false, encoding, skipLines });
  let bytes = 0;
  for await (const chunk of toUtf8(body, encoding, { setting: 'fixedWidth.encoding' })) {
    bytes += chunk.length;
    scanner.push(chunk);
  }
  if (bytes === 0)
    throw new FormatProblem('file.empty', 'the file has no bytes; send it again or ask its source');
  return { records: scanner.end().records, header: fields.map(({ name }) => name) };
}

/** Blanks around a field are padding. A line that ends before its last field, or goes on behind it, is none. */
export async function* fixedWidthRecords(
  body: AsyncIterable<Uint8Array>,
  { encoding, skipLines, fields }: FixedWidthFormat,
  sink: RecordSink,
): AsyncGenerator<void> {
  const width = Math.max(...fields.map(({ start, length }) => start - 1 + length));
  let held = '';
  let toSkip = skipLines;
  const take = (line: string): void => {
    if (toSkip > 0) {
      toSkip--;
      return;
    }
    if (line === '') return;
    if (line.length > LIMITS.recordBytes) {
      sink.refuse(refusedRecord('record.too_long'));
      return;
    }
    // Positions are characters, of which some take two places in a JavaScript text.
    const signs = PAIRS.test(line) ? Array.from(line) : undefined;
    const cut = (from: number, to?: number) => signs?.slice(from, to).join('') ?? line.slice(from, to);
    if ((signs ?? line).length < width || cut(width).trim() !== '')
      sink.refuse(refusedRecord('record.malformed'));
    else sink.row(fields.map(({ start, length }) => cut(start - 1, start - 1 + length).trim()));
  };
  for await (const chunk of toUtf8(body, encoding, { setting: 'fixedWidth.encoding' })) {
    const text = held + chunk.toString();
    // The LF of a CRLF may come with the next chunk.
    const lines = text.split(/\r\n|\n|\r(?!$)/);
    held = lines.pop() ?? '';
    for (const line of lines) take(line);
    yield;
    if (held.length > 4 * LIMITS.recordBytes)
      throw new FormatProblem('file.too_large', `a record is longer than ${LIMITS.recordBytes} bytes`);
  }
  take(held.replace(/\r$/, ''));
}

const PAIRS = /[\ud800-\udbff]/;
