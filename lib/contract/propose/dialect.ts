import type { CsvEncoding, CsvFormat } from '../dataset.ts';
import { counted, type Note, unsure } from './notes.ts';
import { isPlainValue } from './values.ts';

export interface ProposedDialect {
  readonly csv: CsvFormat;
  readonly notes: readonly Note[];
  /** Fields of the line that names the columns; of the first record where none does. */
  readonly first: readonly string[];
  /** The header names every column once: only then intake can go by names. */
  readonly named: boolean;
}

const DELIMITERS = [',', ';', '\t', '|', '^', '~'] as const;
const QUOTES = [
  ['"', '"'],
  ['"', '\\'],
  ["'", "'"],
] as const;
const MOST_SKIPPED = 20;
const MOST_RECORDS = 500;
/** More text makes nothing surer and costs for each of the dialects that are tried. */
const MOST_CHARACTERS = 64 * 1024;

type Dialect = Pick<CsvFormat, 'delimiter' | 'quote' | 'escape'>;

interface Split extends Dialect {
  readonly records: readonly (readonly string[])[];
  readonly width: number;
  /** Share of the records that have the most frequent number of fields. */
  readonly agreement: number;
  /** Quoted fields whose closing quote ends the field; those where more text follows it, or that another sign quotes. */
  readonly clean: number;
  readonly dirty: number;
}

/** Delimiter, quote, header and skipped lines of a decoded head of a file; the whole file is held against them later. */
export function dialectOf(text: string, encoding: CsvEncoding, isWhole: boolean): ProposedDialect {
  const head = text.slice(0, MOST_CHARACTERS);
  const splits = DELIMITERS.flatMap((delimiter) =>
    QUOTES.map(([quote, escape]) =>
      splitHead(head, { delimiter, quote, escape }, isWhole && head.length === text.length),
    ),
  );
  const best = splits.reduce((winner, split) => (score(split) > score(winner) + 1e-9 ? split : winner));
  const skipLines = skipped(best.records, best.width);
  const records = best.records
    .slice(skipLines)
    .filter((record) => record.join('') !== '' || best.width === 1);
  const first = (records[0] ?? []).map((field) => field.trim());
  const header = isHeader(first, records.slice(1));
  const notes: Note[] = [];
  if (best.width === 1 && records.length > 1)
    notes.push(unsure('no delimiter was found; every line is one field'));
  if (best.agreement < 1)
    notes.push(
      unsure(
        `${counted(Math.max(1, Math.round((1 - best.agreement) * best.records.length)))} of the first ${counted(best.records.length)} records have another number of fields than ${best.width}`,
      ),
    );
  if (header.unsure)
    notes.push(
      unsure('every value is a text, so the first line may be data; header: false takes fields by position'),
    );
  const names = first.filter((name) => name !== '');
  const named = header.is && names.length === first.length && new Set(names).size === names.length;
  const { delimiter, quote, escape } = best;
  const csv: CsvFormat = {
    kind: 'csv',
    delimiter,
    quote,
    escape,
    header: named,
    encoding,
    skipLines: skipLines + (header.is && !named ? 1 : 0),
  };
  if (header.is && !named)
    notes.push(
      unsure(
        'the header repeats a name or leaves one out, so the line is skipped and fields are taken by position',
      ),
    );
  if (skipLines > 0)
    notes.push(unsure(`the first ${skipLines} lines are no records: they have another number of fields`));
  return { csv, notes, first: header.is ? first : first.map(() => ''), named };
}

/** More fields in more of the records win; between equals the dialect that comes first, so the usual one. */
function score({ agreement, width, clean, dirty, records }: Split): number {
  const share = (fields: number) => Math.min(fields / Math.max(records.length, 1), 1);
  const shape = width === 1 ? 0.01 : agreement * agreement * Math.min(2, 1 + width / 50);
  return shape + share(clean) / 1e3 - share(dirty) / 10;
}

function splitHead(text: string, dialect: Dialect, isWhole: boolean): Split {
  const { records: all, clean, dirty, open } = recordsOf(text.replace(/^\uFEFF/, ''), dialect);
  const records = (isWhole ? all : all.slice(0, -1)).slice(0, MOST_RECORDS);
  const used = records.filter((record) => record.join('') !== '');
  const byWidth = Map.groupBy(used, (record) => record.length);
  const [width, members] = [...byWidth].reduce(
    (most, each) => (each[1].length > most[1].length ? each : most),
    [1, []] as [number, (readonly string[])[]],
  );
  const agreement = open ? 0 : members.length / Math.max(used.length, 1);
  return { ...dialect, records, width, agreement, clean, dirty };
}

/** Records of a head by the rules of the engine: a quote opens at the start of a field. */
function recordsOf(text: string, { delimiter, quote, escape }: Dialect) {
  const records: string[][] = [];
  let record: string[] = [];
  let field = '';
  let inQuotes = false;
  let clean = 0;
  let dirty = 0;
  const other = quote === '"' ? "'" : '"';
  let wasQuoted = false;
  const endField = () => {
    if (
      !wasQuoted &&
      field.startsWith(other) &&
      (other === '"' || (field.length > 1 && field.endsWith(other)))
    )
      dirty++;
    wasQuoted = false;
    record.push(field);
    field = '';
  };
  for (let at = 0; at < text.length && records.length <= MOST_RECORDS; at++) {
    const sign = text[at] ?? '';
    if (inQuotes) {
      if (sign === escape && text[at + 1] === quote) field += text[++at];
      else if (sign === quote) {
        inQuotes = false;
        if ([delimiter, '\n', '\r', undefined].includes(text[at + 1])) clean++;
        else dirty++;
      } else field += sign;
    } else if (sign === quote && field.trim() === '') {
      inQuotes = true;
      wasQuoted = true;
      field = '';
    } else if (sign === delimiter) endField();
    else if (sign === '\n' || sign === '\r') {
      if (sign === '\r' && text[at + 1] === '\n') at++;
      endField();
      records.push(record);
      record = [];
    } else field += sign;
  }
  if (record.length > 0 || field !== '') {
    endField();
    records.push(record);
  }
  return { records, clean, dirty, open: inQuotes && records.length <= 1 };
}

/** A preamble: lines before the first record of full width. */
function skipped(records: readonly (readonly string[])[], width: number): number {
  const first = records.findIndex((record) => record.length === width);
  const after = records.slice(first, first + 5);
  const settled = after.length >= 2 && after.every((record) => record.length === width);
  return first > 0 && first <= MOST_SKIPPED && width > 1 && settled ? first : 0;
}

/** Names are texts; where the values below are numbers or dates, so is the first line if it is data. */
function isHeader(first: readonly string[], rows: readonly (readonly string[])[]) {
  const names = first.filter((name) => name !== '');
  if (names.length === 0 || names.some(isPlainValue)) return { is: false, unsure: false };
  if (rows.length === 0) return { is: true, unsure: true };
  const typed = first.some((_, index) => {
    const values = rows.map((row) => (row[index] ?? '').trim()).filter((value) => value !== '');
    return values.length > 0 && values.every(isPlainValue);
  });
  const likeNames = names.every((name) => /^[\p{L}_][\p{L}\p{N} _./#()-]{0,62}$/u.test(name));
  const again = first.some((name, index) => rows.some((row) => row[index]?.trim() === name && name !== ''));
  return typed ? { is: true, unsure: false } : { is: likeNames && !again, unsure: true };
}
