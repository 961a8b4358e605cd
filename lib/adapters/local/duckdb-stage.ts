import { join } from 'node:path';
import type { CsvFormat } from '../../contract/dataset.ts';
import type { Compression } from '../../formats/compression.ts';
import { LIMITS } from '../../formats/limits.ts';
import { duckDb } from '../../plan/dialects/duckdb.ts';
import type { Plan, PlanInput } from '../../plan/plan.ts';
import type { Session } from './duckdb-session.ts';

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

/**
 * Parses every file once, into one Parquet file per group of files with the same shape, in the order of files and records: so a
 * row's place in it gives its number, and memory stays flat. Makes the relations `staged`, `rejects` and `files`.
 */
export async function stage(
  db: Session,
  plan: Plan,
  inputs: readonly ReadableInput[],
  options: StageOptions,
): Promise<void> {
  await makeFiles(db, plan.inputs, inputs);
  await insertRejects(db, options.known);
  const columns = stagedColumns(plan);
  const views: string[] = [];
  for (const [index, group] of groups(inputs).entries()) {
    const path = join(options.scratch, `stage-${index}.parquet`);
    const rejects = `rejects_${index}`;
    await writeStage(db, `WITH records AS (${records(group, columns, rejects)}) ${plan.stage}`, path);
    await collectRejects(db, group, rejects);
    views.push(await numbered(db, path, group, join(options.scratch, `rows-${index}.parquet`)));
  }
  await db.run(`CREATE VIEW staged AS ${views.join(' UNION ALL ')}`);
}

export interface StageOptions {
  readonly scratch: string;
  /** Records that `lib/formats` refused while it rewrote a file. */
  readonly known: readonly Reject[];
}

const stagedColumns = (plan: Plan): readonly string[] =>
  plan.outputs
    .find(({ name }) => name === 'quarantine')
    ?.schema.flatMap(({ name }) => (name.startsWith('_') ? [] : [name])) ?? [];

async function makeFiles(
  db: Session,
  inputs: readonly PlanInput[],
  readable: readonly ReadableInput[],
): Promise<void> {
  const paths = new Map(readable.map(({ file, path }) => [file, path]));
  const rows = inputs.map(
    (input, file) =>
      `(${file}, ${literal(input.fileId)}, ${literal(paths.get(file) ?? '')}, ${input.records}, ${hasTrailer(input)})`,
  );
  await db.run(
    `CREATE TABLE files AS SELECT * FROM (VALUES ${rows.join(', ')}) AS v(_file, file_id, path, records, has_trailer)`,
  );
  await db.run(
    'CREATE TABLE rejects (_file INTEGER, _row BIGINT, code VARCHAR, byte_start BIGINT, byte_end BIGINT)',
  );
}

/** Files of the same shape, which the parser reads together. */
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

/** Uncompressed and without dictionaries: measured as the cheapest way to keep rows in order outside memory. */
const writeStage = (db: Session, select: string, path: string): Promise<void> =>
  db.run(
    `COPY (${select}) TO ${literal(path)} (FORMAT parquet, COMPRESSION uncompressed, PARQUET_VERSION V2, DICTIONARY_SIZE_LIMIT 1)`,
  );

/** Select of the files' records as texts: `columns`, null where a file lacks one, and `_file`. */
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
 */
async function collectRejects(db: Session, group: readonly ReadableInput[], table: string): Promise<void> {
  const reader = group[0]?.reader;
  if (reader?.kind !== 'csv') return;
  const before = (reader.csv.header ? 1 : 0) + reader.csv.skipLines;
  const places = group.flatMap(({ file, inPlace }) => (inPlace ? [file] : []));
  const known = `f._file IN (${places.length === 0 ? 'NULL' : places.join(', ')})`;
  // After CRLF `line_byte_position`, from 1, and `csv_line` begin with its LF; a line that is too long is cut.
  const start = `e.line_byte_position - 1 + strlen(e.csv_line) - strlen(ltrim(e.csv_line, chr(10)))`;
  const end = `e.line_byte_position - 1 + strlen(e.csv_line)`;
  const tooLong = `max(e.error_type) = 'LINE SIZE OVER MAXIMUM'`;
  await db.run(
    `INSERT INTO rejects SELECT f._file, e.line - ${before}, CASE WHEN ${tooLong} THEN 'record.too_long' ELSE 'record.malformed' END, ` +
      `CASE WHEN ${known} THEN min(${start}) END, CASE WHEN ${known} AND NOT ${tooLong} THEN max(${end}) END FROM ${table} AS e JOIN ${table}_scans AS s ON s.scan_id = e.scan_id AND s.file_id = e.file_id ` +
      `JOIN files AS f ON f.path = s.file_path WHERE NOT (f.has_trailer AND e.line - ${before} = f.records + 1) GROUP BY f._file, e.line`,
  );
}

const hasTrailer = (input: PlanInput): boolean =>
  input.format.kind === 'csv' && input.format.trailer !== undefined;

async function insertRejects(db: Session, rejects: readonly Reject[]): Promise<void> {
  for (let from = 0; from < rejects.length; from += 10_000) {
    const rows = rejects
      .slice(from, from + 10_000)
      .map(
        ({ file, record, code, start, end }) =>
          `(${file}, ${record}, ${literal(code)}, ${start ?? 'NULL'}, ${end ?? 'NULL'})`,
      );
    await db.run(`INSERT INTO rejects VALUES ${rows.join(', ')}`);
  }
}

/** Select of staged rows with `_row` and `_id`. Where records were rejected the rows after them move on by one each. */
async function numbered(
  db: Session,
  path: string,
  group: readonly ReadableInput[],
  target: string,
): Promise<string> {
  const names = await columnsOf(db, path);
  const places = names.map((_, index) => `c${index}`);
  // By position: a column of the contract may be called `file_row_number`.
  const from = `read_parquet(${literal(path)}, hive_partitioning = false) AS s(${places.join(', ')})`;
  const file = `c${names.indexOf('_file')}`;
  const spans = `(SELECT ${file} AS f, min(file_row_number) AS first FROM ${from} GROUP BY ${file})`;
  const single = group.length === 1;
  const ordinal = single ? 's.file_row_number + 1' : 's.file_row_number - spans.first + 1';
  const named = names.map((name, index) => `s.c${index} AS ${ident(name)}`);
  const rows = `SELECT ${named.join(', ')}, ${ordinal} AS _row FROM ${from}${single ? '' : ` JOIN ${spans} AS spans ON spans.f = s.${file}`}`;
  const members = group.map(({ file }) => file).join(', ');
  const [{ shifts } = { shifts: '0' }] = await db.rows<{ shifts: string }>(
    `SELECT count(*) AS shifts FROM rejects WHERE _file IN (${members})`,
  );
  if (shifts !== '0') await writeStage(db, shifted(rows), target);
  const source =
    shifts === '0' ? `(${rows}) AS n` : `read_parquet(${literal(target)}, hive_partitioning = false)`;
  return `SELECT *, (CAST(_file AS BIGINT) << 40) + _row AS _id FROM ${source}${withoutTrailers(group)}`;
}

async function columnsOf(db: Session, path: string): Promise<readonly string[]> {
  const rows = await db.rows<{ column_name: string }>(
    `DESCRIBE SELECT * FROM read_parquet(${literal(path)}, hive_partitioning = false)`,
  );
  return rows.map((row) => row.column_name);
}

const withoutTrailers = (group: readonly ReadableInput[]): string => {
  const conditions = group.flatMap(({ input, file }) =>
    hasTrailer(input) ? [`NOT (_file = ${file} AND _row > ${input.records})`] : [],
  );
  return conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`;
};

/** With rejected records r(1) < r(2) < … of a file, its accepted row n is record n + i for the greatest i with r(i) - i < n. */
const shifted = (rows: string): string =>
  `SELECT s.* REPLACE (s._row + COALESCE(h.shift, 0) AS _row) FROM (${rows}) AS s ASOF LEFT JOIN ` +
  '(SELECT f, n, max(shift) AS shift FROM (SELECT _file AS f, row_number() OVER w AS shift, _row - row_number() OVER w + 1 AS n FROM rejects ' +
  'WINDOW w AS (PARTITION BY _file ORDER BY _row)) AS steps GROUP BY f, n) AS h ON h.f = s._file AND s._row >= h.n';
