// One part of the benchmark.
import { digest } from './parts/digest.ts';
import type { FeedName } from './parts/feeds.ts';
import { files, full, history, init, merge, shape } from './parts/headgate.ts';
import { type Parts, perform } from './parts/perform.ts';
import { writeSales } from './parts/sales.ts';
import { compaction, ledgerOfMany, tableOfMany } from './parts/tables.ts';
import { rowsOf, timed, writeTransactions } from './parts/transactions.ts';
import { bare, checked } from './peers/duckdb.ts';
import { plainNode } from './peers/node.ts';

const generate = (file: string, megabytes: string, folder: string): Promise<number> =>
  timed(() =>
    writeTransactions(file, folder, {
      ids: `SELECT i FROM range(${rowsOf(Number(megabytes))}) AS r(i)`,
      months: 12,
      updated: '2026-01-01',
    }),
  );

/** A file of real invoice lines. */
const real = (file: string, megabytes: string): Promise<number> =>
  timed(() => writeSales(file, Number(megabytes)));

const PARTS: Parts = {
  generate,
  real,
  full,
  bare,
  checked,
  plain: plainNode,
  init,
  files,
  merge,
  history,
  shape,
  digest: (name = '', published = '', refused = '', folder = '') =>
    digest(name as FeedName, published, refused, folder),
  table: tableOfMany,
  ledger: ledgerOfMany,
  compact: compaction,
};

await perform(PARTS);
