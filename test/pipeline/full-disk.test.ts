import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import type { FileEntry } from '../../lib/ledger/entries.ts';
import { summaryOf } from '../../lib/ledger/summary.ts';
import { allFiles } from '../../lib/reports/ledger-tables.ts';
import { ROOT } from '../support/headgate.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { open, prepare, run } from './scenario/acts.ts';

const folder = temporaryFolder('full-disk');

/** `headgate run` in a process whose files, DuckDB's and SQLite's too, may not grow beyond so many blocks of 1 KiB: the system refuses the write (EFBIG). */
function runWithin(home: string, blocks: number): number | null {
  const script = join(ROOT, 'test/pipeline/scenario/act-and-die.ts');
  const command = `trap '' XFSZ; ulimit -f ${blocks}; exec "$0" --disable-warning=ExperimentalWarning "${script}" "${home}" run`;
  return spawnSync('bash', ['-c', command, process.execPath], {
    env: { ...process.env, NODE_OPTIONS: '' },
    encoding: 'utf8',
  }).status;
}

test('a run whose files find no room, whichever it is, loses nothing and is finished by the next', async () => {
  const outcomes = [];
  // From no room at all, over the databases' first pages and single outputs, to enough.
  for (const blocks of [0, 1, 4, 32, 64, 10_000]) {
    const home = join(folder, String(blocks));
    await prepare(home, 'run');
    runWithin(home, blocks);
    const lake = open(home);
    await run(lake);
    const files: FileEntry[] = await Array.fromAsync(allFiles(lake.ledger));
    const { rowsReceived, rowsPublished, rowsQuarantined, rowsDeduplicated } = await summaryOf(
      lake.ledger,
      'shop/orders',
    );
    outcomes.push({
      blocks,
      states: files
        .map(({ state }) => state)
        .sort()
        .join(),
      rows: [rowsReceived, rowsPublished, rowsQuarantined, rowsDeduplicated],
    });
  }
  for (const { blocks, ...outcome } of outcomes)
    expect({ blocks, ...outcome }).toEqual({
      blocks,
      states: 'published,published,quarantined',
      rows: [7, 3, 2, 2],
    });
}, 120_000);
