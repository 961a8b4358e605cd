import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type DuckDBConnection, DuckDBInstance, version } from '@duckdb/node-api';
import { PoisonError, TerminalError, TransientError, UnclearError } from '../../errors.ts';
import { fileList } from '../../plan/dialects/duckdb.ts';

/** Such as `1.5.6`: the one that package-lock.json pins. */
export const duckDbVersion = version().replace(/^v/, '');

export interface SessionOptions {
  /** Folder for what a run writes on the way; made before and removed after. */
  readonly scratch: string;
  /** Such as `1GB`. @default DuckDB's own, 80 percent of the machine */
  readonly memory?: string;
  /** @default all cores */
  readonly threads?: number;
}

/** One DuckDB for one run: nothing leaks from one batch into the next. */
export async function withDuckDb<T>(options: SessionOptions, work: (db: Session) => Promise<T>): Promise<T> {
  await rm(options.scratch, { recursive: true, force: true });
  await mkdir(join(options.scratch, 'spill'), { recursive: true, mode: 0o700 });
  const instance = await DuckDBInstance.create(':memory:', {
    temp_directory: join(options.scratch, 'spill'),
    ...(options.memory === undefined ? {} : { memory_limit: options.memory }),
    ...(options.threads === undefined ? {} : { threads: String(options.threads) }),
  });
  const connection = await instance.connect();
  try {
    const session = new Session(connection);
    await session.run("SET TimeZone = 'UTC'");
    return await work(session);
  } finally {
    connection.closeSync();
    instance.closeSync();
    await rm(options.scratch, { recursive: true, force: true });
  }
}

export class Session {
  readonly connection: DuckDBConnection;

  constructor(connection: DuckDBConnection) {
    this.connection = connection;
  }

  /**
   * Turns an error of `work` that would blame a file into a TerminalError where one of our own files can't be read: then no file that came in is to blame.
   */
  async blaming<T>(own: readonly string[], work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof PoisonError || error instanceof UnclearError)) throw error;
      for (const path of own) await this.#requireReadable(path);
      throw error;
    }
  }

  async #requireReadable(path: string): Promise<void> {
    try {
      // The hash needs every value of every column, so that every page is read.
      await this.connection.run(`SELECT max(hash(t)) FROM read_parquet(${fileList([path])}) AS t`);
    } catch (cause) {
      throw new TerminalError(
        `DuckDB can't read ${path}, a file of our own tables; restore it from your backup and run again`,
        { fault: 'headgate', cause, facts: { path } },
      );
    }
  }

  async run(sql: string): Promise<void> {
    try {
      await this.connection.run(sql);
    } catch (cause) {
      throw duckDbError(cause);
    }
  }

  /** Rows as plain JSON: 64-bit integers and decimals are texts. */
  async rows<Row>(sql: string): Promise<readonly Row[]> {
    try {
      const reader = await this.connection.runAndReadAll(sql);
      return reader.getRowObjectsJson() as unknown as readonly Row[];
    } catch (cause) {
      throw duckDbError(cause);
    }
  }
}

/** These speak of the statement or of DuckDB, never of a row. */
const ABOUT_STATEMENT = /^(Binder|Catalog|Parser|Internal|Not implemented|INTERNAL) Error/;
/** What the operating system refused: DuckDB 1.5.6's own words for it, in local_file_system.cpp. */
const PASSING =
  /^Out of Memory Error|^IO Error: (Cannot open|Could not (?!read enough)|No files found|Failed to (create|delete|remove))|^IO Error.*(No space left|Disk quota|Too many open files)/s;
/** The first when a file can't grow, the second when what memory does not hold finds no room either. Paths may hold values of partitions. */
const FULL_DISK = /No space left|Disk quota|max_temp_directory_size/;
/** Also what DuckDB says of bytes that its own reader of gzip does not take. */
const UNCLEAR = /^IO Error/;

/** DuckDB's message may quote a value of a row: then only its kind is kept. What is neither passing nor about the statement is about the bytes of a file. */
export function duckDbError(cause: unknown): TerminalError | TransientError {
  const message = (cause instanceof Error ? cause.message : String(cause)).trim();
  const kind = /^[A-Za-z ]+(?=:)/.exec(message)?.[0] ?? 'error';
  if (PASSING.test(message)) {
    const why = FULL_DISK.test(message)
      ? `${kind}, the disk is full; free some of it and run again`
      : `${kind}; free memory or disk and run again`;
    const lacking = FULL_DISK.test(message)
      ? 'disk'
      : kind.startsWith('Out of Memory')
        ? 'memory'
        : undefined;
    return new TransientError(`DuckDB: ${why}`, { fault: 'headgate', cause, facts: { lacking } });
  }
  if (UNCLEAR.test(message)) {
    return new UnclearError(`DuckDB: ${kind}; check disk and memory and run again`, {
      fault: 'headgate',
      cause,
    });
  }
  if (ABOUT_STATEMENT.test(message)) {
    return new TerminalError(`DuckDB: ${message.split('\n')[0]}`, { fault: 'headgate', cause });
  }
  return new PoisonError(`DuckDB: ${kind}`, { fault: 'source' });
}
