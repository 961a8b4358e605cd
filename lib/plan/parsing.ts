import type { CsvFormat } from '../contract/dataset.ts';
import type { Compression } from '../formats/compression.ts';
import { LIMITS } from '../formats/limits.ts';
import { duckDb } from './dialects/duckdb.ts';
import type { Plan, PlanInput } from './plan.ts';

const { ident, literal } = duckDb;

/** A file of the batch as the parser reads it: in place, or rewritten to canonical CSV. */
export interface ReadableInput {
  readonly input: PlanInput;
  readonly file: number;
  readonly path: string;
  readonly reader: Reader;
  /** Places in what the parser reads are places in the file. */
  readonly inPlace: boolean;
}

export type Reader =
  | {
      readonly kind: 'csv';
      readonly csv: Pick<CsvFormat, 'delimiter' | 'quote' | 'escape' | 'header' | 'skipLines'>;
      readonly compression: Compression;
      /** A field without quotes and signs is null, not an empty text. */
      readonly nothingIsNull: boolean;
    }
  | {
      readonly kind: 'parquet';
      readonly names: readonly string[];
      /** Of the columns in order: DuckDB would cast a file's columns to the types of the group's first file. */
      readonly types: readonly string[];
      readonly nested: readonly boolean[];
    };

/** A record that could not be split, by number in its file from 1. */
export interface Reject {
  readonly file: number;
  readonly record: number;
  readonly code: string;
  readonly start: number | null;
  readonly end: number | null;
}

/** Statements that make the relations `files` and `rejects`. */
export function sideTables(
  inputs: readonly PlanInput[],
  readable: readonly ReadableInput[],
  known: readonly Reject[],
): readonly string[] {
  const paths = new Map(readable.map(({ file, path }) => [file, path]));
  const files = inputs.flatMap((input, file) =>
    paths.has(file)
      ? [
          `(${file}, ${literal(input.fileId)}, ${literal(paths.get(file) ?? '')}, ${input.records}, ${hasTrailer(input)})`,
        ]
      : [],
  );
  return [
    `CREATE TABLE files AS SELECT * FROM (VALUES ${files.join(', ')}) AS v(_file, file_id, path, records, has_trailer)`,
    'CREATE TABLE rejects (_file INTEGER, _row BIGINT, code VARCHAR, byte_start BIGINT, byte_end BIGINT)',
    ...chunks(known, 10_000).map((some) => `INSERT INTO rejects VALUES ${some.map(rejectRow).join(', ')}`),
  ];
}

const rejectRow = ({ file, record, code, start, end }: Reject): string =>
  `(${file}, ${record}, ${literal(code)}, ${start ?? 'NULL'}, ${end ?? 'NULL'})`;

const chunks = <Item>(items: readonly Item[], size: number): readonly (readonly Item[])[] =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );

/** Names of the columns of `records`, in the order of the contract. */
export const stagedColumns = (plan: Plan): readonly string[] =>
  plan.outputs
    .find(({ name }) => name === 'quarantine')
    ?.schema.flatMap(({ name }) => (name.startsWith('_') ? [] : [name])) ?? [];

/** Files that one statement can read. */
export function groups(inputs: readonly ReadableInput[]): readonly (readonly ReadableInput[])[] {
  const byShape = Map.groupBy(inputs, ({ reader, input, path }) =>
    JSON.stringify([reader, input.fields, isReadAlone(reader) ? path : '']),
  );
  return [...byShape.values()];
}

/** In the second and later files of a list DuckDB finds columns by name, whatever the case. */
const isReadAlone = (reader: Reader): boolean =>
  reader.kind === 'parquet' &&
  new Set(reader.names.map((name) => name.toLowerCase())).size < reader.names.length;

/** Select of the text columns of every record of files of one shape, with `_file`. */
export function records(
  group: readonly ReadableInput[],
  columns: readonly string[],
  rejectsTable: string,
): string {
  const [first] = group;
  if (first === undefined) return '';
  const fed = new Set(first.input.fields);
  const missing = columns
    .filter((column) => !fed.has(column))
    .map((column) => `CAST(NULL AS VARCHAR) AS ${ident(column)}`);
  const list = `[${group.map(({ path }) => literal(path)).join(', ')}]`;
  const number = `CAST([${group.map(({ file }) => file).join(', ')}][CAST(file_index AS BIGINT) + 1] AS INTEGER) AS _file`;
  const { reader } = first;
  // By position: two columns of a file may differ in case only, and one may be called `file_index`.
  const places = first.input.fields.map((_, index) => `f${index}`);
  const fields = first.input.fields.flatMap((column, index) =>
    column === null ? [] : [`${fieldText(reader, index)} AS ${ident(column)}`],
  );
  const source =
    reader.kind === 'parquet'
      ? `read_parquet(${list}, binary_as_string = true, hive_partitioning = false)`
      : readCsv(list, places, reader, rejectsTable);
  return `SELECT ${[...fields, ...missing, number].join(', ')} FROM ${source} AS r(${places.join(', ')})`;
}

const fieldText = (reader: Reader, index: number): string => {
  if (reader.kind === 'csv') return `f${index}`;
  return reader.nested[index] === true ? `CAST(to_json(f${index}) AS VARCHAR)` : `CAST(f${index} AS VARCHAR)`;
};

type CsvReader = Extract<Reader, { kind: 'csv' }>;

/** Everything is said, nothing is sniffed. `new_line` is left out: with it DuckDB loses the rows after an unterminated quote. */
function readCsv(
  files: string,
  fields: readonly string[],
  { csv, compression, nothingIsNull }: CsvReader,
  rejectsTable: string,
): string {
  const columns = fields.map((field) => `${literal(field)}: 'VARCHAR'`).join(', ');
  // The contract says which texts are null; only rewritten JSON writes null as nothing and the empty text in quotes.
  const nulls = nothingIsNull ? "''" : 'chr(0)';
  const options = [
    'auto_detect = false',
    `compression = ${literal(compression)}`,
    `columns = {${columns}}`,
    `delim = ${literal(csv.delimiter)}`,
    `quote = ${literal(csv.quote)}`,
    `escape = ${literal(csv.escape)}`,
    `header = ${csv.header}`,
    `skip = ${csv.skipLines}`,
    'strict_mode = true',
    'ignore_errors = true',
    'store_rejects = true',
    `rejects_table = ${literal(rejectsTable)}`,
    `rejects_scan = ${literal(`${rejectsTable}_scans`)}`,
    'rejects_limit = 0',
    `max_line_size = ${LIMITS.recordBytes}`,
    'null_padding = false',
    `nullstr = ${nulls}`,
    'allow_quoted_nulls = false',
    'hive_partitioning = false',
  ];
  return `read_csv(${files}, ${options.join(', ')})`;
}

/**
 * One entry per record however many errors it has. DuckDB numbers records from 1, header and skipped lines included. The trailer,
 * one record after the last counted one, is not a row. Where the file was rewritten or inflated, places are not those of the file.
 * Undefined where the format has no rejects.
 */
export function collectRejects(group: readonly ReadableInput[], table: string): string | undefined {
  const reader = group[0]?.reader;
  if (reader?.kind !== 'csv') return undefined;
  const before = (reader.csv.header ? 1 : 0) + reader.csv.skipLines;
  const places = group.flatMap(({ file, inPlace }) => (inPlace ? [file] : []));
  const known = `f._file IN (${places.length === 0 ? 'NULL' : places.join(', ')})`;
  // After CRLF `line_byte_position`, from 1, and `csv_line` begin with its LF; a line that is too long is cut.
  const start = `e.line_byte_position - 1 + strlen(e.csv_line) - strlen(ltrim(e.csv_line, chr(10)))`;
  const end = `e.line_byte_position - 1 + strlen(e.csv_line)`;
  const tooLong = `max(e.error_type) = 'LINE SIZE OVER MAXIMUM'`;
  return (
    `INSERT INTO rejects SELECT f._file, e.line - ${before}, CASE WHEN ${tooLong} THEN 'record.too_long' ELSE 'record.malformed' END, ` +
    `CASE WHEN ${known} THEN min(${start}) END, CASE WHEN ${known} AND NOT ${tooLong} THEN max(${end}) END FROM ${table} AS e JOIN ${table}_scans AS s ON s.scan_id = e.scan_id AND s.file_id = e.file_id ` +
    `JOIN files AS f ON f.path = s.file_path WHERE NOT (f.has_trailer AND e.line - ${before} = f.records + 1) GROUP BY f._file, e.line`
  );
}

export const hasTrailer = (input: PlanInput): boolean =>
  input.format.kind === 'csv' && input.format.trailer !== undefined;

/** With rejected records r(1) < r(2) < … of a file, its accepted row n is record n + i for the greatest i with r(i) - i < n. */
export const shifted = (rows: string): string =>
  `SELECT s.* REPLACE (s._row + COALESCE(h.shift, 0) AS _row) FROM (${rows}) AS s ASOF LEFT JOIN ` +
  '(SELECT f, n, max(shift) AS shift FROM (SELECT _file AS f, row_number() OVER w AS shift, _row - row_number() OVER w + 1 AS n FROM rejects ' +
  'WINDOW w AS (PARTITION BY _file ORDER BY _row)) AS steps GROUP BY f, n) AS h ON h.f = s._file AND s._row >= h.n';
