import type { ColumnStats, DataFile, PartitionValue } from '../table/data-file.ts';
import type { Field, FieldType } from '../table/schema.ts';
import { duckDb, fileList } from './dialects/duckdb.ts';
import type { PlanOutput, PlanTarget } from './plan.ts';

const { ident, literal } = duckDb;

/** What one COPY writes. `query` is what stands behind FROM. */
export interface ParquetCopy {
  readonly query: string;
  readonly schema: readonly Field[];
  readonly partitionBy: PlanOutput['partitionBy'];
}

/** A row of COPY … RETURN_STATS. */
export interface StatsRow {
  readonly filename: string;
  readonly count: string;
  readonly file_size_bytes: string;
  readonly column_statistics: readonly {
    readonly key: string;
    readonly value: readonly { readonly key: string; readonly value: string }[];
  }[];
  readonly partition_keys: readonly { readonly key: string; readonly value: string | null }[] | null;
}

/**
 * zstd Parquet with the field ids of the schema, statistics returned: DuckDB writes the files of every engine. Partitioning is by
 * throw-away copies: PARTITION_BY drops the columns it names. Encodings of version 1: of those of version 2 Spark 3.5 can't read BYTE_STREAM_SPLIT, and
 * its vectorised reader fails on some columns in DELTA_LENGTH_BYTE_ARRAY ("Failed to read … bytes").
 */
export function copyStatement({ query, schema, partitionBy }: ParquetCopy, target: string): string {
  const transforms = partitionBy.map(({ column, transform }) =>
    duckDb.partition(ident(column), transform as Parameters<typeof duckDb.partition>[1]),
  );
  const copies = transforms.map((expression, index) => `, ${expression} AS __p${index}`).join('');
  const columns = schema
    .map(({ name, type }) => `CAST(${ident(name)} AS ${duckDbType(type)}) AS ${ident(name)}`)
    .join(', ');
  const options = [
    'FORMAT parquet',
    'COMPRESSION zstd',
    'COMPRESSION_LEVEL 1',
    'PARQUET_VERSION V1',
    `FIELD_IDS {${schema.map(fieldIds).join(', ')}}`,
    'RETURN_STATS',
    ...(partitionBy.length === 0
      ? []
      : [
          `PARTITION_BY (${partitionBy.map((_, index) => `__p${index}`).join(', ')})`,
          "FILENAME_PATTERN 'part-{uuid}'",
        ]),
  ];
  return `COPY (SELECT ${columns}${copies} FROM ${query}) TO ${literal(target)} (${options.join(', ')})`;
}

const PRIMITIVES: Readonly<Record<string, string>> = {
  boolean: 'BOOLEAN',
  int: 'INTEGER',
  long: 'BIGINT',
  float: 'FLOAT',
  double: 'DOUBLE',
  date: 'DATE',
  time: 'TIME',
  timestamp: 'TIMESTAMP',
  timestamptz: 'TIMESTAMPTZ',
  string: 'VARCHAR',
  binary: 'BLOB',
};

export function duckDbType(type: FieldType): string {
  if (typeof type === 'string') return PRIMITIVES[type] ?? type.toUpperCase();
  if (type.type === 'list') return `${duckDbType(type.element)}[]`;
  return `STRUCT(${type.fields.map((field) => `${ident(field.name)} ${duckDbType(field.type)}`).join(', ')})`;
}

/**
 * Options of `read_parquet`: columns by field id under the names and types that the table has now, null where a file is older than its
 * column, and never from the names of folders.
 */
export const byFieldId = (schema: readonly Field[]): string =>
  `schema = MAP {${schema.map(({ id, name, type }) => `${id}: {name: ${literal(name)}, type: ${literal(duckDbType(type))}, default_value: NULL}`).join(', ')}}, hive_partitioning = false`;

/** Live files of a table, and its columns. */
export interface TableFiles {
  readonly files: readonly string[];
  readonly schema: readonly Field[];
}

/** Rows of a table, to select from; none where it has no files. */
export function rowsOf({ files, schema }: TableFiles): string {
  if (files.length === 0)
    return `(SELECT ${schema.map(({ name, type }) => `CAST(NULL AS ${duckDbType(type)}) AS ${ident(name)}`).join(', ')} WHERE FALSE)`;
  return `read_parquet(${fileList(files)}, ${byFieldId(schema)})`;
}

/** Select of the rows of a table's files, with `_path` and `_position`. By position: a column of the contract may be called `filename`. */
export function targetRows({ files, schema }: PlanTarget): string {
  const columns = schema.map(({ name }, index) => `t.c${index} AS ${ident(name)}`).join(', ');
  const places = schema.map((_, index) => `c${index}`).join(', ');
  const paths = fileList(files.map(({ path }) => path));
  return `SELECT ${columns}, t.filename AS _path, t.file_row_number AS _position FROM read_parquet(${paths}, ${byFieldId(schema)}) AS t(${places})`;
}

const fieldIds = (field: Field): string => `${literal(field.name)}: ${ids(field.id, field.type)}`;

function ids(id: number, type: FieldType): string {
  if (typeof type === 'string') return String(id);
  const nested =
    type.type === 'list'
      ? `element: ${ids(type['element-id'], type.element)}`
      : type.fields.map(fieldIds).join(', ');
  return `{__duckdb_field_id: ${id}, ${nested}}`;
}

/** What DuckDB tells about a file that it wrote by `copyStatement`. */
export function fileOf(
  row: StatsRow,
  { partitionBy, schema, classified }: Pick<PlanOutput, 'partitionBy' | 'schema' | 'classified'>,
): DataFile {
  const keys = new Map((row.partition_keys ?? []).map(({ key, value }) => [key, value]));
  const partition: readonly PartitionValue[] = partitionBy.map((_, index) => keys.get(`__p${index}`) ?? null);
  const fields = new Map(schema.map((field) => [ident(field.name), field]));
  const columns: Record<string, ColumnStats> = {};
  for (const { key, value } of row.column_statistics) {
    const field = fields.get(key);
    if (field !== undefined)
      columns[String(field.id)] = columnStats(value, Number(row.count), !classified.includes(field.name));
  }
  return {
    path: row.filename,
    rows: Number(row.count),
    bytes: Number(row.file_size_bytes),
    partition,
    columns,
  };
}

function columnStats(
  stats: StatsRow['column_statistics'][number]['value'],
  rows: number,
  bounds: boolean,
): ColumnStats {
  const known = new Map(stats.map(({ key, value }) => [key, value]));
  const lower = known.get('min');
  const upper = known.get('max');
  return {
    values: rows,
    nulls: Number(known.get('null_count') ?? 0),
    ...(known.has('column_size_bytes') ? { bytes: Number(known.get('column_size_bytes')) } : {}),
    ...(known.get('has_nan') === 'true' ? { hasNan: true } : {}),
    ...(bounds && lower !== undefined ? { lower } : {}),
    ...(bounds && upper !== undefined ? { upper } : {}),
  };
}
