import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type DuckDBConnection,
  DuckDBInstance,
  type DuckDBResult,
  DuckDBTimestampTZValue,
  StatementType,
} from '@duckdb/node-api';
import { LimitError, TerminalError } from '../../errors.ts';
import { QUERY_LIMITS } from '../../formats/limits.ts';
import { duckDb, filePath } from '../../plan/dialects/duckdb.ts';
import { rowsOf } from '../../plan/parquet-copy.ts';
import type { Catalog, TableName } from '../../ports/catalog.ts';
import type { ObjectStore } from '../../ports/object-store.ts';
import type { QueryEngine, QueryResult } from '../../ports/query-engine.ts';
import type { LedgerTable } from '../../reports/ledger-tables.ts';
import type { Mart } from '../../reports/marts.ts';
import { idOf, martTable, references } from '../../reports/references.ts';
import { toDuckDb } from '../../reports/translate.ts';
import { asOf } from '../../table/snapshots.ts';
import { liveFiles, loadTable, shapeOf } from '../../table/table.ts';
import { withDeadline } from './query-deadline.ts';

const { ident, literal } = duckDb;

// The session's zone is not asked when a time with a zone becomes text here, but the machine's offset of today.
DuckDBTimestampTZValue.timezoneOffsetInMinutes = 0;

export interface QueryEngineOptions {
  readonly catalog: Catalog;
  /** The store that a database's tables lie in. */
  readonly storeOf: (table: TableName) => ObjectStore;
  readonly marts: readonly Mart[];
  readonly ledgerTables: readonly LedgerTable[];
  /** Tables as they were then; the ledger is as it is now. @default now */
  readonly asOf?: Date;
  /** What DuckDB may take, such as `1GB`. @default QUERY_LIMITS.memory */
  readonly memory?: string;
  /** Folder for what does not fit into it; made where it is missing. @default the system's folder for temporary files */
  readonly scratch?: string;
}

/**
 * Athena's SQL over the current snapshots: every table that the statement names is a view over its live files, bound by field id. The
 * statement can read those files and nothing else, and write nothing but what it spills to a folder of its own.
 */
export const duckDbQueryEngine = (options: QueryEngineOptions): QueryEngine => ({
  async query(sql, limits = {}) {
    limits.signal?.throwIfAborted();
    const statement = toDuckDb(sql);
    const { memory = QUERY_LIMITS.memory, scratch = tmpdir() } = options;
    await mkdir(scratch, { recursive: true });
    const spill = await mkdtemp(join(scratch, 'query-'));
    const instance = await DuckDBInstance.create(':memory:', {
      memory_limit: memory,
      temp_directory: spill,
      max_temp_directory_size: QUERY_LIMITS.spill,
    });
    const connection = await instance.connect();
    const release = async () => {
      connection.closeSync();
      instance.closeSync();
      await rm(spill, { recursive: true, force: true });
    };
    const work = async () => {
      try {
        // As in Athena, whole numbers divided are a whole number.
        await connection.run("SET TimeZone = 'UTC'; SET integer_division = true");
        const files = await makeViews(connection, options, sql);
        await connection.run(`SET allowed_paths = [${files.map(literal).join(', ')}]`);
        await connection.run('SET enable_external_access = false; SET lock_configuration = true');
        return await select(connection, statement);
      } catch (error) {
        throw asLimit(error, memory);
      }
    };
    return withDeadline(connection, limits, { work, release });
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
    // What is asked for and what is opened.
    for (const path of new Set([...files, ...files.map(filePath)])) allowed.push(path);
    await connection.run(
      `CREATE VIEW ${ident(name.database)}.${ident(name.name)} AS SELECT * FROM ${rowsOf({ files, schema: shapeOf(table.metadata).schema })}`,
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

/** Handed over as texts, ten times as fast as statements with values; a column is cast where a statement reads it. */
async function makeLedgerTable(
  connection: DuckDBConnection,
  { name, columns, rows }: LedgerTable,
): Promise<void> {
  const texts = `ledger_${name}`;
  await connection.run(
    `CREATE TEMP TABLE ${ident(texts)} (${columns.map(([column]) => `${ident(column)} VARCHAR`).join(', ')})`,
  );
  const appender = await connection.createAppender(texts);
  for await (const row of rows()) {
    for (const value of row) {
      if (value === null) appender.appendNull();
      else appender.appendVarchar(String(value));
    }
    appender.endRow();
  }
  appender.closeSync();
  const casts = columns.map(([column, type]) => `CAST(${ident(column)} AS ${type}) AS ${ident(column)}`);
  await connection.run(
    `CREATE VIEW headgate.${ident(name)} AS SELECT ${casts.join(', ')} FROM temp.${ident(texts)}`,
  );
}

async function select(connection: DuckDBConnection, statement: string): Promise<QueryResult> {
  const prepared = await run(connection, statement, async () => connection.prepare(statement));
  // DuckDB turns some pragmas into a SELECT.
  if (prepared.statementType !== StatementType.SELECT || /^\s*pragma\b/i.test(statement)) {
    throw new TerminalError('only SELECT is allowed here; tables change through files', {
      fault: 'contract',
    });
  }
  return run(connection, statement, async () => read(await connection.stream(statement)));
}

async function read(result: DuckDBResult): Promise<QueryResult> {
  const types = result.columnTypes();
  const rows: (readonly (string | null)[])[] = [];
  let bytes = 0;
  for await (const chunk of result.yieldRows()) {
    for (const row of chunk) {
      const texts = row.map((value) => (value === null ? null : String(value)));
      bytes += texts.reduce((sum, text) => sum + BYTES_A_VALUE + (text?.length ?? 0), 0);
      if (bytes > QUERY_LIMITS.answerBytes) throw tooLarge();
      rows.push(texts);
    }
  }
  return { columns: result.columnNames().map((name, index) => ({ name, type: String(types[index]) })), rows };
}

/** What Node takes for a value beside its text. */
const BYTES_A_VALUE = 64;

const tooLarge = (): LimitError =>
  new LimitError(
    `the answer is longer than ${QUERY_LIMITS.answerBytes / 1024 ** 2} MiB; ask for fewer rows or columns, or for counts`,
    { fault: 'contract', facts: { limit: 'answer', allowed: QUERY_LIMITS.answerBytes } },
  );

/** DuckDB's words for its own limits, in ours. */
function asLimit(error: unknown, memory: string): unknown {
  if (!(error instanceof TerminalError) || !error.message.startsWith('Out of Memory Error')) return error;
  const { cause } = error;
  const isSpill = messageOf(cause).includes('max_temp_directory_size');
  return new LimitError(
    isSpill
      ? `the query needs more than the ${QUERY_LIMITS.spill} that it may spill to disk; join on keys, sort or group less of the table`
      : `the query needs more than the ${memory} of memory that it may take; ask for less at once, or set HEADGATE_MEMORY to more, such as 4GB`,
    {
      fault: 'contract',
      cause,
      facts: { limit: isSpill ? 'spill' : 'memory', allowed: isSpill ? QUERY_LIMITS.spill : memory },
    },
  );
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
    if (cause instanceof LimitError) throw cause;
    throw new TerminalError(`${messageOf(cause).split('\n')[0]}; headgate status lists the tables`, {
      fault: 'contract',
      cause,
    });
  }
}

const messageOf = (error: unknown): string => String((error as Error | undefined)?.message ?? error);
