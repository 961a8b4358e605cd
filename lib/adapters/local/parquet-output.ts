import { randomUUID } from 'node:crypto';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { duckDb } from '../../plan/dialects/duckdb.ts';
import type { PlanOutput } from '../../plan/plan.ts';
import type { ColumnStats, DataFile, PartitionValue } from '../../table/data-file.ts';
import type { Field, FieldType } from '../../table/schema.ts';
import { duckDbError } from './duckdb-session.ts';

const { ident, literal } = duckDb;

export interface ParquetOutput {
  readonly query: string;
  readonly schema: readonly Field[];
  readonly partitionBy: PlanOutput['partitionBy'];
  /** Folder of this output; emptied first, so that a second attempt leaves nothing of the first. */
  readonly directory: string;
  /** Columns whose bounds are not written. */
  readonly classified: readonly string[];
}

interface StatsRow {
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
 * Writes the rows of a query as zstd Parquet files with the field ids of the schema, flat under the folder, and takes their statistics
 * from the same pass. Partitioning is by throw-away copies: PARTITION_BY drops the columns it names.
 */
export async function writeParquet(
  connection: DuckDBConnection,
  output: ParquetOutput,
): Promise<readonly DataFile[]> {
  const { directory, partitionBy, schema } = output;
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true });
  const copies = partitionBy.map(({ expression }, index) => `, ${expression} AS __p${index}`).join('');
  const columns = schema
    .map(({ name, type }) => `CAST(${ident(name)} AS ${duckDbType(type)}) AS ${ident(name)}`)
    .join(', ');
  const options = [
    'FORMAT parquet',
    'COMPRESSION zstd',
    'COMPRESSION_LEVEL 1',
    `PARQUET_VERSION ${encodings(schema)}`,
    `FIELD_IDS {${schema.map(fieldIds).join(', ')}}`,
    'RETURN_STATS',
    ...(partitionBy.length === 0
      ? []
      : [
          `PARTITION_BY (${partitionBy.map((_, index) => `__p${index}`).join(', ')})`,
          "FILENAME_PATTERN 'part-{uuid}'",
        ]),
  ];
  const target = partitionBy.length === 0 ? join(directory, `${randomUUID()}.parquet`) : directory;
  const statement = `COPY (SELECT ${columns}${copies} FROM (${output.query}) AS rows) TO ${literal(target)} (${options.join(', ')})`;
  const rows = await copy(connection, statement);
  const files: DataFile[] = [];
  for (const row of rows) {
    if (Number(row.count) > 0) files.push(await dataFile(row, output));
    else await rm(row.filename, { force: true });
  }
  return files;
}

async function copy(connection: DuckDBConnection, statement: string): Promise<readonly StatsRow[]> {
  try {
    const reader = await connection.runAndReadAll(statement);
    return reader.getRowObjectsJson() as unknown as readonly StatsRow[];
  } catch (cause) {
    throw duckDbError(cause);
  }
}

/** Version 2 encodings are smaller and faster; for floating columns they use BYTE_STREAM_SPLIT, which Spark 3.5 can't read. */
const encodings = (schema: readonly Field[]): 'V1' | 'V2' =>
  schema.some(({ type }) => type === 'double' || type === 'float') ? 'V1' : 'V2';

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

const fieldIds = (field: Field): string => `${literal(field.name)}: ${ids(field.id, field.type)}`;

function ids(id: number, type: FieldType): string {
  if (typeof type === 'string') return String(id);
  const nested =
    type.type === 'list'
      ? `element: ${ids(type['element-id'], type.element)}`
      : type.fields.map(fieldIds).join(', ');
  return `{__duckdb_field_id: ${id}, ${nested}}`;
}

/** Out of its hive folder, whose name is the percent-encoded value, into the output's own. */
async function dataFile(
  row: StatsRow,
  { directory, partitionBy, schema, classified }: ParquetOutput,
): Promise<DataFile> {
  const path = join(directory, `${randomUUID()}.parquet`);
  await rename(row.filename, path);
  const keys = new Map((row.partition_keys ?? []).map(({ key, value }) => [key, value]));
  const partition: readonly PartitionValue[] = partitionBy.map((_, index) => keys.get(`__p${index}`) ?? null);
  const fields = new Map(schema.map((field) => [ident(field.name), field]));
  const columns: Record<string, ColumnStats> = {};
  for (const { key, value } of row.column_statistics) {
    const field = fields.get(key);
    if (field !== undefined)
      columns[String(field.id)] = columnStats(value, Number(row.count), !classified.includes(field.name));
  }
  return { path, rows: Number(row.count), bytes: Number(row.file_size_bytes), partition, columns };
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
