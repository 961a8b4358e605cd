import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import type { Lake } from '../../lib/adapters/local/lake.ts';
import { summaryOf } from '../../lib/ledger/summary.ts';
import { allFiles } from '../../lib/reports/ledger-tables.ts';
import { ROOT } from '../support/headgate.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { open, prepare, run } from './scenario/acts.ts';

const folder = temporaryFolder('full-disk');

/** `headgate run` in a process whose files can't grow any more from its n-th effect on. */
function runAndFill(home: string, at?: number): readonly string[] {
  const script = join(ROOT, 'test/pipeline/scenario/act-and-fill.ts');
  const command = `trap '' XFSZ; exec "$0" --disable-warning=ExperimentalWarning "${script}" "${home}" run ${at ?? ''}`;
  const { stdout } = spawnSync('bash', ['-c', command, process.execPath], {
    env: { ...process.env, NODE_OPTIONS: '' },
    encoding: 'utf8',
  });
  return JSON.parse(stdout) as readonly string[];
}

async function outcome(lake: Lake) {
  const files = await Array.fromAsync(allFiles(lake.ledger));
  const summary = await summaryOf(lake.ledger, 'shop/orders');
  const { rowsReceived, rowsPublished, rowsQuarantined, rowsDeduplicated } = summary;
  return {
    states: files.map(({ state }) => state).sort(),
    rows: [rowsReceived, rowsPublished, rowsQuarantined, rowsDeduplicated],
  };
}

test('a run that finds no room from some effect on loses nothing and is finished by the next', async () => {
  const home = join(folder, 'whole');
  await prepare(home, 'run');
  const effects = runAndFill(home);
  const wanted = await outcome(open(home));
  expect(wanted.states).toEqual(['published', 'published', 'quarantined']);
  // The first effect of each name: every store, the engine, both databases.
  const firsts = effects.flatMap((name, index) => (effects.indexOf(name) === index ? [index + 1] : []));
  expect(firsts.length).toBeGreaterThan(12);
  const unfinished: string[] = [];
  for (const at of firsts) {
    const full = join(folder, String(at));
    await prepare(full, 'run');
    runAndFill(full, at);
    const lake = open(full);
    const before = await outcome(lake);
    if (JSON.stringify(before) !== JSON.stringify(wanted)) unfinished.push(effects[at - 1] ?? '');
    await run(lake);
    expect({ at: effects[at - 1], ...(await outcome(lake)) }).toEqual({ at: effects[at - 1], ...wanted });
  }
  expect(unfinished).toContain('engine: execute');
  expect(unfinished).toContain('raw: write');
}, 240_000);
