import { type DuckDBConnection, DuckDBInstance, StatementType } from '@duckdb/node-api';
import { TerminalError } from '../../errors.ts';
import { duckDb } from '../../plan/dialects/duckdb.ts';
import { byFieldId, duckDbType } from '../../plan/parquet-copy.ts';
import type { Catalog, TableName } from '../../ports/catalog.ts';
import type { ObjectStore } from '../../ports/object-store.ts';
import type { QueryEngine, QueryResult } from '../../ports/query-engine.ts';
import type { LedgerTable } from '../../reports/ledger-tables.ts';
import type { Mart } from '../../reports/marts.ts';
import { idOf, martTable, references } from '../../reports/references.ts';
import { toDuckDb } from '../../reports/translate.ts';
import { asOf } from '../../table/snapshots.ts';
import { liveFiles, loadTable, shapeOf } from '../../table/table.ts';

const { ident, literal } = duckDb;

export interface QueryEngineOptions {
  readonly catalog: Catalog;
  /** The store that a database's tables lie in. */
  readonly storeOf: (table: TableName) => ObjectStore;
  readonly marts: readonly Mart[];
  readonly ledgerTables: readonly LedgerTable[];
  /** Tables as they were then; the ledger is as it is now. @default now */
  readonly asOf?: Date;
}

/**
 * Athena's SQL over the current snapshots: every table that the statement names is a view over its live files, bound by field id. The
 * statement can read those files and nothing else, and write nothing.
 */
export const duckDbQueryEngine = (options: QueryEngineOptions): QueryEngine => ({
  async query(sql) {
    const statement = toDuckDb(sql);
    const instance = await DuckDBInstance.create(':memory:');
    const connection = await instance.connect();
    try {
      await connection.run("SET TimeZone = 'UTC'");
      const files = await makeViews(connection, options, sql);
      await connection.run(`SET allowed_paths = [${files.map(literal).join(', ')}]`);
      await connection.run('SET enable_external_access = false; SET lock_configuration = true');
      return await select(connection, statement);
    } finally {
      connection.closeSync();
      instance.closeSync();
    }
  },
});

async function makeViews(
  connection: DuckDBConnection,
  { catalog, storeOf, marts, ledgerTables, asOf: time }: QueryEngineOptions,
  sql: string,
): Promise<readonly string[]> {
  const read = references(sql, marts);
  const named = new Set(read.tables.map(idOf));
  const allowed: string[] = [];
  for (const name of await catalog.list()) {
    await connection.run(`CREATE SCHEMA IF NOT EXISTS ${ident(name.database)}`);
    const current = named.has(idOf(name))
      ? await loadTable({ catalog, store: storeOf(name) }, name)
      : undefined;
    if (current === undefined) continue;
    const table = time === undefined ? current : asOf(current, { time });
    const files = (await liveFiles(storeOf(name), table)).map(({ path }) => path);
    allowed.push(...files);
    await connection.run(
      `CREATE VIEW ${ident(name.database)}.${ident(name.name)} AS ${rowsOf(files, shapeOf(table.metadata).schema)}`,
    );
  }
  await connection.run('CREATE SCHEMA IF NOT EXISTS headgate');
  for (const table of ledgerTables) {
    if (named.has(idOf({ database: 'headgate', name: table.name }))) await makeLedgerTable(connection, table);
  }
  for (const mart of read.marts) {
    const { database, name } = martTable(mart);
    await connection.run(`CREATE SCHEMA IF NOT EXISTS ${ident(database)}`);
    await run(connection, `CREATE VIEW ${ident(database)}.${ident(name)} AS ${toDuckDb(mart.sql)}`);
  }
  return allowed;
}

type Fields = ReturnType<typeof shapeOf>['schema'];

function rowsOf(files: readonly string[], schema: Fields): string {
  if (files.length === 0) {
    return `SELECT ${schema.map(({ name, type }) => `CAST(NULL AS ${duckDbType(type)}) AS ${ident(name)}`).join(', ')} WHERE FALSE`;
  }
  return `SELECT * FROM read_parquet([${files.map(literal).join(', ')}], ${byFieldId(schema)})`;
}

const ROWS_AT_ONCE = 1000;

async function makeLedgerTable(
  connection: DuckDBConnection,
  { name, columns, rows }: LedgerTable,
): Promise<void> {
  await connection.run(
    `CREATE TABLE headgate.${ident(name)} (${columns.map(([column, type]) => `${ident(column)} ${type}`).join(', ')})`,
  );
  let batch: string[] = [];
  const insert = async () => {
    if (batch.length > 0)
      await connection.run(`INSERT INTO headgate.${ident(name)} VALUES ${batch.join(', ')}`);
    batch = [];
  };
  for await (const row of rows()) {
    batch.push(
      `(${row.map((value) => (value === null ? 'NULL' : typeof value === 'number' ? value : literal(value))).join(', ')})`,
    );
    if (batch.length >= ROWS_AT_ONCE) await insert();
  }
  await insert();
}

async function select(connection: DuckDBConnection, statement: string): Promise<QueryResult> {
  const prepared = await run(connection, statement, async () => connection.prepare(statement));
  // DuckDB turns some pragmas into a SELECT.
  if (prepared.statementType !== StatementType.SELECT || /^\s*pragma\b/i.test(statement)) {
    throw new TerminalError('only SELECT is allowed here; tables change through files', {
      fault: 'contract',
    });
  }
  const reader = await run(connection, statement, async () => connection.runAndReadAll(statement));
  const types = reader.columnTypes();
  return {
    columns: reader.columnNames().map((name, index) => ({ name, type: String(types[index]) })),
    rows: reader.getRows().map((row) => row.map((value) => (value === null ? null : String(value)))),
  };
}

/** The person who asks wrote the statement and may read the tables: they see what DuckDB says. */
async function run<Result = unknown>(
  connection: DuckDBConnection,
  statement: string,
  work: () => Promise<Result> = async () => (await connection.run(statement)) as Result,
): Promise<Result> {
  try {
    return await work();
  } catch (cause) {
    const message = cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : String(cause);
    throw new TerminalError(`${message}; headgate status lists the tables`, { fault: 'contract', cause });
  }
}
