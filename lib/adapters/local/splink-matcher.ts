import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import type { LinkAnswer, LinkJob, LinkPlaces } from '../../matching/settings.ts';
import { duckDb, filePath } from '../../plan/dialects/duckdb.ts';
import type { Matcher, MatchWorkshop } from '../../ports/matcher.ts';
import type { ObjectStore } from '../../ports/object-store.ts';
import { duckDbError, type Session, type SessionOptions, withDuckDb } from './duckdb-session.ts';
import { writeParquet } from './parquet-output.ts';

const { ident, literal } = duckDb;

/** Lets `glue-scripts/match_records.py` work on the job at a path. @throws TerminalError, TransientError */
export type MatchLauncher = (job: string) => Promise<void>;

export interface SplinkMatcherOptions extends SessionOptions {
  readonly engine: Matcher['engine'];
  /** Store of the entity's tables; a folder. */
  readonly lake: ObjectStore;
  readonly launch: MatchLauncher;
}

/** Compares the records of `folder`/records.parquet; a pattern of the Parquet files of pairs, none where there are no pairs. */
export type Comparer = (
  folder: string,
  job: (places: LinkPlaces) => LinkJob,
) => Promise<LinkAnswer & { readonly pairFiles: string }>;

export const RECORDS = 'records.parquet';

const locally =
  (launch: MatchLauncher): Comparer =>
  async (folder, job) => {
    const at = (name: string) => join(folder, name);
    const places = { records: at(RECORDS), pairs: at('pairs'), answer: at('answer.json') };
    await mkdir(places.pairs, { mode: 0o700 });
    await writeFile(at('job.json'), JSON.stringify(job(places)), { mode: 0o600 });
    await launch(at('job.json'));
    // Written by match_records.py alone, which is of the same version as this.
    const answer = JSON.parse(await readFile(places.answer, 'utf8')) as LinkAnswer;
    return { ...answer, pairFiles: answer.pairs === 0 ? '' : join(filePath(places.pairs), '*.parquet') };
  };

/** DuckDB for everything but the comparing, and Splink for that. All in one folder of this run, readable by its owner only and removed at its end. */
export const splinkMatcher = ({ engine, lake, launch, ...session }: SplinkMatcherOptions): Matcher => ({
  engine,
  open: ({ entity }, work) => {
    const scratch = join(session.scratch, 'match', entity);
    return withDuckDb({ ...session, scratch }, (db) =>
      work(workshopOf(db, { scratch, lake: lake.root, compare: locally(launch) }), (file) => file),
    );
  },
});

export interface WorkshopPlaces {
  readonly scratch: string;
  /** Folder in which the entity's tables have theirs. */
  readonly lake: string;
  readonly compare: Comparer;
}

export const workshopOf = (db: Session, { scratch, lake, compare }: WorkshopPlaces): MatchWorkshop => ({
  run: (sql) => db.run(sql),
  rows: (sql) => db.rows(sql),
  load: (table, columns, rows) => load(db.connection, table, columns, rows),
  async link(query, job) {
    await db.run(`COPY (${query}) TO ${literal(join(scratch, RECORDS))} (FORMAT parquet)`);
    return compare(scratch, job);
  },
  write: ({ table, runId, schema, classified, query }) =>
    writeParquet(db.connection, {
      query,
      schema,
      partitionBy: [],
      directory: join(lake, table.database, table.name, 'data', runId),
      classified,
    }),
});

async function load(
  connection: DuckDBConnection,
  table: string,
  columns: Parameters<MatchWorkshop['load']>[1],
  rows: Parameters<MatchWorkshop['load']>[2],
): Promise<void> {
  try {
    await connection.run(
      `CREATE TABLE ${ident(table)} (${columns.map(([name, type]) => `${ident(name)} ${type}`).join(', ')})`,
    );
    const appender = await connection.createAppender(table);
    for (const row of rows) {
      for (const [index, value] of row.entries()) {
        if (value === null) appender.appendNull();
        else if (typeof value === 'string') appender.appendVarchar(value);
        else if (columns[index]?.[1] === 'BIGINT') appender.appendBigInt(BigInt(value));
        else appender.appendInteger(value);
      }
      appender.endRow();
    }
    appender.closeSync();
  } catch (cause) {
    throw duckDbError(cause);
  }
}
