import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { TransientError } from '../../errors.ts';

/**
 * A database that survives a power cut after every answered write and waits for other processes instead of failing.
 * @param schema statements that make its tables where they are missing
 * @throws TransientError where the file can't be opened or written: a full disk, missing rights, a file that is no database
 */
export function openSqlite(file: string, schema: string): DatabaseSync {
  try {
    mkdirSync(dirname(file), { recursive: true });
    const database = new DatabaseSync(file, { timeout: 30_000 });
    database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; ${schema}`);
    return database;
  } catch (cause) {
    throw new TransientError(
      `${file} can't be opened: ${(cause as Error).message}; see that the disk has room and that you may write there, or name another --home`,
      { fault: 'headgate', cause },
    );
  }
}
