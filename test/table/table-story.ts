import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { duckDbRewrite } from '../../lib/adapters/local/duckdb-rewrite.ts';
import { folderStore } from '../../lib/adapters/local/folder-store.ts';
import { writeParquet } from '../../lib/adapters/local/parquet-output.ts';
import { sqliteCatalog } from '../../lib/adapters/local/sqlite-catalog.ts';
import { duckDb } from '../../lib/plan/dialects/duckdb.ts';
import { type Change, commit } from '../../lib/table/commit.ts';
import { type Compaction, compact } from '../../lib/table/compact.ts';
import type { DataFile } from '../../lib/table/data-file.ts';
import { ensureTable } from '../../lib/table/evolve.ts';
import type { LiveFile } from '../../lib/table/manifests.ts';
import type { Field } from '../../lib/table/schema.ts';
import {
  liveFiles,
  loadTable,
  shapeOf,
  type Table,
  type TableDefinition,
  type TablePorts,
} from '../../lib/table/table.ts';

/** A table in a folder, written by DuckDB as runs write it, with a clock that tests can move. */
export async function tableStory(home: string, name: string, definition: TableDefinition) {
  const connection = await (await DuckDBInstance.create(':memory:')).connect();
  await connection.run("SET TimeZone = 'UTC'");
  const store = folderStore(join(home, 'lake'));
  let later = 0;
  const ports: TablePorts = {
    store,
    catalog: sqliteCatalog(join(home, 'catalog.db')),
    clock: { now: () => new Date(Date.now() + later) },
    newId: randomUUID,
  };
  const table = { database: 'db', name };
  await ensureTable(ports, table, definition);
  const load = async (): Promise<Table> => {
    const loaded = await loadTable(ports, table);
    if (loaded === undefined) throw new Error('no table');
    return loaded;
  };
  return {
    ports,
    table,
    load,
    connection,
    folder: `db/${name}`,
    live: async (): Promise<readonly LiveFile[]> => liveFiles(store, await load()),
    pass: (milliseconds: number) => {
      later += milliseconds;
    },
    evolve: (wanted: TableDefinition) => ensureTable(ports, table, wanted),
    /** Rows of a query as files of a run that are in no table yet; columns are those of the query. */
    write: async (run: string, query: string): Promise<readonly DataFile[]> => {
      const { schema, spec } = shapeOf((await load()).metadata);
      return writeParquet(connection, {
        query,
        schema: await columnsOf(connection, query, schema),
        partitionBy: spec.map(({ name: field, transform, 'source-id': id }) => {
          const column = schema.find((each) => each.id === id)?.name ?? '';
          return { name: field, column, transform, expression: duckDb.partition(column, transform) };
        }),
        directory: join(store.root, 'db', name, 'data', run),
        classified: [],
      });
    },
    change: (runId: string, add: readonly DataFile[], more: Partial<Change> = {}) =>
      commit(ports, table, { runId, add, remove: [], kept: 0, onto: 'retry', ...more }),
    compact: (runId: string, targetBytes?: number): Promise<Compaction> =>
      compact(ports, table, {
        runId,
        rewrite: duckDbRewrite({ store, classified: [], scratch: join(home, 'scratch') }),
        ...(targetBytes === undefined ? {} : { targetBytes }),
      }),
  };
}

export type TableStory = Awaited<ReturnType<typeof tableStory>>;

async function columnsOf(
  connection: DuckDBConnection,
  query: string,
  schema: readonly Field[],
): Promise<readonly Field[]> {
  const names = (await connection.runAndReadAll(`SELECT * FROM (${query}) AS q LIMIT 0`)).columnNames();
  return schema.filter(({ name }) => names.includes(name));
}
