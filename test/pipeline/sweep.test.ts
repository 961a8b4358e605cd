import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { openLake } from '../../lib/adapters/local/lake.ts';
import { runStateMachine } from '../../lib/adapters/local/state-machine.ts';
import { router } from '../../lib/intake/route.ts';
import { acquire, LEASE_SECONDS } from '../../lib/ledger/locks.ts';
import { sweep } from '../../lib/pipeline/sweep.ts';
import { temporaryFolder } from '../support/temporary.ts';

const MINUTE = 60 * 1000;
const folder = temporaryFolder('sweep');
const row = (id: number) => Buffer.from(`id,name,amount\n${id},a,1.00\n`);

function stage() {
  const told: string[] = [];
  const lake = openLake({
    home: join(folder, randomUUID()),
    contracts: join(import.meta.dirname, '../cases/good-file'),
    notifier: { notify: async ({ title }) => void told.push(title) },
  });
  const place = { bucket: 'landing', own: true, route: router(lake.datasets) };
  const ports = { landing: lake.landing, raw: lake.stores.raw, ledger: lake.ledger, notifier: lake.notifier };
  const started: string[] = [];
  return {
    lake,
    started,
    /** Sweeps as if it were `minutes` later. */
    sweepAfter: (
      minutes: number,
      start: (dataset: string) => Promise<void> = async (dataset) => void started.push(dataset),
    ) => {
      const services = { ...lake, clock: { now: () => new Date(Date.now() + minutes * MINUTE) } };
      return sweep({ services, ports, start }, place);
    },
  };
}

test('an object without an event is taken in once it is five minutes old, and worked on', async () => {
  const { lake, sweepAfter } = stage();
  await lake.landing.write('shop/2026-01-31/a.csv', row(1));
  expect(await sweepAfter(4)).toMatchObject({ found: [], started: [] });
  const work = (dataset: string) => runStateMachine(lake, dataset);
  expect(await sweepAfter(6, work)).toEqual({
    found: ['shop/2026-01-31/a.csv'],
    started: ['shop/items'],
    failed: [],
  });
  expect(await lake.landing.stat('shop/2026-01-31/a.csv')).toBeUndefined();
  expect(await sweepAfter(6)).toEqual({ found: [], started: [], failed: [] });
});

test('a dataset that an execution works on is left to it until its lease ends', async () => {
  const { lake, sweepAfter } = stage();
  await lake.landing.write('shop/2026-01-31/a.csv', row(1));
  // An execution on another host: nobody can tell whether it runs.
  await acquire(lake, { dataset: 'shop/items', runId: 'R', owner: 'elsewhere|1|1|1' });
  expect(await sweepAfter(6)).toMatchObject({ found: ['shop/2026-01-31/a.csv'], started: [] });
  expect(await sweepAfter(LEASE_SECONDS / 60 + 1)).toMatchObject({ started: ['shop/items'] });
});

test('what fails does not keep the rest from being swept', async () => {
  const { lake, sweepAfter } = stage();
  await lake.landing.write('shop/2026-01-31/a.csv', row(1));
  const report = await sweepAfter(6, async () => Promise.reject(new Error('throttled')));
  expect(report).toMatchObject({ found: ['shop/2026-01-31/a.csv'], started: [] });
  expect(report.failed.map(({ what }) => what)).toEqual(['shop/items']);
});
