// One part of the benchmark: <part> <arguments> <an empty folder of its own>. Prints what it measured as JSON.
import { digest } from './parts/digest.ts';
import { files, full, history, init, merge, shape } from './parts/headgate.ts';
import { compaction, ledgerOfMany, tableOfMany } from './parts/tables.ts';
import { type Figures, rowsOf, timed, writeTransactions } from './parts/transactions.ts';
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

const PARTS: Readonly<Record<string, (...args: string[]) => Promise<number | Figures>>> = {
  generate,
  full,
  bare,
  checked,
  plain: plainNode,
  init,
  files,
  merge,
  history,
  shape,
  digest: (published = '', refused = '', folder = '') => digest(published, refused, folder),
  table: tableOfMany,
  ledger: ledgerOfMany,
  compact: compaction,
};

const [name = '', ...args] = process.argv.slice(2);
const found = PARTS[name];
if (found === undefined) throw new Error(`no part ${name}; allowed: ${Object.keys(PARTS).join(', ')}`);
const measured = await found(...args);
const figures: Figures = typeof measured === 'number' ? { seconds: measured } : measured;
const { seconds = 0, ...rest } = figures;
console.log(JSON.stringify({ seconds, figures: rest, peakMegabytes: process.resourceUsage().maxRSS / 1024 }));
