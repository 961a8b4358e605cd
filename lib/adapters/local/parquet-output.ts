import { randomUUID } from 'node:crypto';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { copyStatement, fileOf, type ParquetCopy, type StatsRow } from '../../plan/parquet-copy.ts';
import type { DataFile } from '../../table/data-file.ts';
import { duckDbError } from './duckdb-session.ts';

export interface ParquetOutput extends ParquetCopy {
  /** Folder of this output; emptied first, so that a second attempt leaves nothing of the first. */
  readonly directory: string;
  /** Columns whose bounds are not written. */
  readonly classified: readonly string[];
}

/**
 * Writes the rows of a query as zstd Parquet files with the field ids of the schema, flat under the folder, and takes their statistics
 * from the same pass.
 */
export async function writeParquet(
  connection: DuckDBConnection,
  output: ParquetOutput,
): Promise<readonly DataFile[]> {
  const { directory, partitionBy } = output;
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true });
  const target = partitionBy.length === 0 ? join(directory, `${randomUUID()}.parquet`) : directory;
  const statement = copyStatement({ ...output, query: `(${output.query}) AS rows` }, target);
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

/** Out of its hive folder, whose name is the percent-encoded value, into the output's own. */
async function dataFile(row: StatsRow, output: ParquetOutput): Promise<DataFile> {
  const path = join(output.directory, `${randomUUID()}.parquet`);
  await rename(row.filename, path);
  return fileOf({ ...row, filename: path }, output);
}
