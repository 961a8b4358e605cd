import type { CsvFormat } from '../contract/dataset.ts';
import type { Compression } from '../formats/file-profile.ts';
import { LIMITS } from '../formats/limits.ts';
import type { RecordPlace } from '../formats/normalise.ts';
import { duckDb, fileList } from './dialects/duckdb.ts';
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
  /** Where records lie in a file that was rewritten: those that may be refused. @default none is known */
  readonly places?: readonly RecordPlace[];
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

/** Statements that make the relations `files`, `rejects` and `places`. */
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
    'CREATE TABLE places (_file INTEGER, _row BIGINT, byte_start BIGINT, byte_end BIGINT)',
    ...readable.flatMap(({ file, places = [] }) =>
      chunks(places, 10_000).map(
        (some) => `INSERT INTO places VALUES ${some.map((place) => placeRow(file, place)).join(', ')}`,
      ),
    ),
  ];
}

const rejectRow = ({ file, record, code, start, end }: Reject): string =>
  `(${file}, ${record}, ${literal(code)}, ${start ?? 'NULL'}, ${end ?? 'NULL'})`;

const placeRow = (file: number, { record, start, end }: RecordPlace): string =>
  `(${file}, ${record}, ${start}, ${end})`;

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
  const { reader } = first;
  // By position: two columns of a file may differ in case only, and one may be called `file_index`.
  const places = first.input.fields.map((_, index) => `f${index}`);
  const fields = first.input.fields.flatMap((column, index) =>
    column === null ? [] : [`${fieldText(reader, index)} AS ${ident(column)}`],
  );
  const list = pathsOf(group);
  const source =
    reader.kind === 'parquet' ? readParquet(list, reader) : readCsv(list, places, reader, rejectsTable);
  const refusal = reader.kind === 'parquet' ? refusalOf(first.input.fields, reader) : undefined;
  const only = refusal === undefined ? '' : ` WHERE ${refusal} IS NULL`;
  return `SELECT ${[...fields, ...missing, `${fileNumber(group)} AS _file`].join(', ')} FROM ${source} AS r(${places.join(', ')})${only}`;
}

const pathsOf = (group: readonly ReadableInput[]): string => fileList(group.map(({ path }) => path));

const fileNumber = (group: readonly ReadableInput[]): string =>
  `CAST([${group.map(({ file }) => file).join(', ')}][CAST(file_index AS BIGINT) + 1] AS INTEGER)`;

type ParquetReader = Extract<Reader, { kind: 'parquet' }>;

const fieldText = (reader: Reader, index: number): string => {
  const field = `f${index}`;
  if (reader.kind === 'csv') return field;
  if (reader.nested[index] === true) return `CAST(to_json(${field}) AS VARCHAR)`;
  if (!isBytes(reader, index)) return `CAST(${field} AS VARCHAR)`;
  // Old writers do not say which bytes are text; bytes that are none are shown as those of Avro are.
  const text = `TRY(decode(${field}))`;
  return `CASE WHEN ${text} IS NULL OR contains(${text}, chr(0)) THEN base64(${field}) ELSE ${text} END`;
};

/** Column of bytes that the file does not call text. Inside lists and structs DuckDB has to be told that they are. */
const isBytes = (reader: ParquetReader, index: number): boolean =>
  reader.nested[index] !== true && !hasNestedBytes(reader) && hasBytes(reader.types[index]);

const hasNestedBytes = ({ nested, types }: ParquetReader): boolean =>
  types.some((type, index) => nested[index] === true && hasBytes(type));

/** Of a type as `profileParquet` states it. */
function hasBytes(type = '{}'): boolean {
  const { type: physical = '', converted_type, logical_type, inner = [] } = JSON.parse(type) as ParquetType;
  const isText = converted_type !== undefined || logical_type !== undefined;
  return (!isText && /BYTE_ARRAY$/.test(physical)) || inner.some(([, each]) => hasBytes(each));
}

interface ParquetType {
  readonly type?: string;
  readonly converted_type?: string;
  readonly logical_type?: unknown;
  readonly inner?: readonly (readonly [string, string])[];
}

/** Code of a record that no other format could bring: a text with NUL, or longer than a record may be. Undefined where no field is a text. */
function refusalOf(fields: PlanInput['fields'], reader: ParquetReader): string | undefined {
  const texts = fields.flatMap((column, index) =>
    column !== null && /BYTE_ARRAY/.test(reader.types[index] ?? '') ? [fieldText(reader, index)] : [],
  );
  if (texts.length === 0) return undefined;
  const bytes = texts.map((text) => `COALESCE(strlen(${text}), 0)`).join(' + ');
  const isOdd = texts.map((text) => `contains(${text}, chr(0))`).join(' OR ');
  return `CASE WHEN ${bytes} > ${LIMITS.recordBytes} THEN 'record.too_long' WHEN ${isOdd} THEN 'record.malformed' END`;
}

function readParquet(paths: string, reader: ParquetReader): string {
  return `read_parquet(${paths}, binary_as_string = ${hasNestedBytes(reader)}, hive_partitioning = false)`;
}

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
 * one record after the last counted one, is not a row. Where the file was rewritten or inflated, the parser's places are not those of the file: then
 * `places` may know them.
 * Undefined where there can be none.
 */
export function collectRejects(group: readonly ReadableInput[], table: string): string | undefined {
  const [first] = group;
  if (first === undefined) return undefined;
  const { reader } = first;
  if (reader.kind === 'parquet') return parquetRejects(group, first.input.fields, reader);
  const before = (reader.csv.header ? 1 : 0) + reader.csv.skipLines;
  const places = group.flatMap(({ file, inPlace }) => (inPlace ? [file] : []));
  const known = places.length === 0 ? 'FALSE' : `f._file IN (${places.join(', ')})`;
  // After CRLF `line_byte_position`, from 1, and `csv_line` begin with its LF; a line that is too long is cut.
  const start = `e.line_byte_position - 1 + strlen(e.csv_line) - strlen(ltrim(e.csv_line, chr(10)))`;
  const end = `e.line_byte_position - 1 + strlen(e.csv_line)`;
  const tooLong = `max(e.error_type) = 'LINE SIZE OVER MAXIMUM'`;
  return (
    `INSERT INTO rejects SELECT f._file, e.line - ${before}, CASE WHEN ${tooLong} THEN 'record.too_long' ELSE 'record.malformed' END, ` +
    `CASE WHEN ${known} THEN min(${start}) ELSE min(p.byte_start) END, CASE WHEN NOT ${known} THEN max(p.byte_end) WHEN NOT ${tooLong} THEN max(${end}) END FROM ${table} AS e JOIN ${table}_scans AS s ON s.scan_id = e.scan_id AND s.file_id = e.file_id ` +
    `JOIN files AS f ON f.path = s.file_path LEFT JOIN places AS p ON p._file = f._file AND p._row = e.line - ${before} WHERE NOT (f.has_trailer AND e.line - ${before} = f.records + 1) GROUP BY f._file, e.line`
  );
}

/** A second look at the texts of the file alone. */
function parquetRejects(
  group: readonly ReadableInput[],
  fields: PlanInput['fields'],
  reader: ParquetReader,
): string | undefined {
  const refusal = refusalOf(fields, reader);
  if (refusal === undefined) return undefined;
  const places = fields.map((_, index) => `f${index}`);
  const found = `SELECT ${fileNumber(group)} AS _file, file_row_number + 1 AS _row, ${refusal} AS code FROM ${readParquet(pathsOf(group), reader)} AS r(${places.join(', ')})`;
  return `INSERT INTO rejects SELECT _file, _row, code, NULL, NULL FROM (${found}) AS found WHERE code IS NOT NULL`;
}

export const hasTrailer = (input: PlanInput): boolean =>
  input.format.kind === 'csv' && input.format.trailer !== undefined;

/** With rejected records r(1) < r(2) < … of a file, its accepted row n is record n + i for the greatest i with r(i) - i < n. */
export const shifted = (rows: string): string =>
  `SELECT s.* REPLACE (s._row + COALESCE(h.shift, 0) AS _row) FROM (${rows}) AS s ASOF LEFT JOIN ` +
  '(SELECT f, n, max(shift) AS shift FROM (SELECT _file AS f, row_number() OVER w AS shift, _row - row_number() OVER w + 1 AS n FROM rejects ' +
  'WINDOW w AS (PARTITION BY _file ORDER BY _row)) AS steps GROUP BY f, n) AS h ON h.f = s._file AND s._row >= h.n';
