import type { LinkAnswer, LinkJob, LinkPlaces } from '../matching/settings.ts';
import type { DataFile } from '../table/data-file.ts';
import type { Field } from '../table/schema.ts';
import type { TableName } from './catalog.ts';

export interface MatchOutput {
  readonly table: TableName;
  readonly runId: string;
  readonly schema: readonly Field[];
  /** Columns whose bounds are not written. */
  readonly classified: readonly string[];
  readonly query: string;
}

/** One scratch database, in DuckDB's SQL. Clear values of persons stand in it: nothing of it is left when the work ends. */
export interface MatchWorkshop {
  run(sql: string): Promise<void>;
  /** Rows as plain JSON: 64-bit integers are texts. */
  rows<Row>(sql: string): Promise<readonly Row[]>;
  /** Makes a table; columns are names and SQL types, of numbers and texts. */
  load(
    table: string,
    columns: readonly (readonly [string, 'INTEGER' | 'BIGINT' | 'VARCHAR'])[],
    rows: Iterable<readonly (string | number | null)[]>,
  ): Promise<void>;
  /** Lets Splink compare the rows of `query`; `pairs` is then a pattern of the Parquet files of what it found. */
  link(
    query: string,
    job: (places: LinkPlaces) => LinkJob,
  ): Promise<LinkAnswer & { readonly pairFiles: string }>;
  /** Writes files of a table in the lake; the run commits them. */
  write(output: MatchOutput): Promise<readonly DataFile[]>;
}

export interface MatchSession {
  readonly entity: string;
  /** Of what is matched: the comparing of one key is begun once, and joined by whoever asks again. */
  readonly key: string;
  /** Files of tables that the work will read. */
  readonly files: readonly string[];
}

export interface Matcher {
  readonly engine: 'duckdb' | 'spark';
  /** `local`: address under which the workshop reads a file of a table. @throws MatchWaiting while the comparing goes on elsewhere: open it again later */
  open<T>(
    session: MatchSession,
    work: (workshop: MatchWorkshop, local: (file: string) => string) => Promise<T>,
  ): Promise<T>;
}
