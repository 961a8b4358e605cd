import { join } from 'node:path';
import { rowsOf } from '../../plan/parquet-copy.ts';
import type { ObjectStore } from '../../ports/object-store.ts';
import type { CompactionOrder } from '../../table/compact.ts';
import { type SessionOptions, withDuckDb } from './duckdb-session.ts';
import { writeParquet } from './parquet-output.ts';

export interface RewriteOptions extends SessionOptions {
  /** Store of the table. */
  readonly store: ObjectStore;
  /** Columns whose bounds are not written. */
  readonly classified: readonly string[];
}

/**
 * What `compact` rewrites files with: the same COPY that writes a run's outputs. No method of Engine, because a group of small files never
 * needs Spark: it is at most one target file large, and rows stream through.
 */
export const duckDbRewrite =
  ({ store, classified, ...session }: RewriteOptions): CompactionOrder['rewrite'] =>
  ({ paths, prefix, schema }) =>
    withDuckDb(session, async (db) => {
      await db.run('SET preserve_insertion_order = false');
      return writeParquet(db.connection, {
        query: `SELECT * FROM ${rowsOf({ files: paths, schema })}`,
        schema,
        partitionBy: [],
        directory: join(store.root, prefix),
        classified,
      });
    });
