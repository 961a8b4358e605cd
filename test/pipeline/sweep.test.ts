import { randomUUID } from 'node:crypto';
import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { openLake } from '../../lib/adapters/local/lake.ts';
import { runStateMachine } from '../../lib/adapters/local/state-machine.ts';
import { router } from '../../lib/intake/route.ts';
import { takeInArrival } from '../../lib/intake/take-in-arrival.ts';
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
    arrive: (key: string, etag: string) =>
      takeInArrival(ports, place, { bucket: 'landing', key, etag, bytes: 0, at: new Date() }),
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
    unfinished: [],
    started: ['shop/items'],
    failed: [],
  });
  expect(await sweepAfter(6)).toEqual({ found: [], unfinished: [], started: [], failed: [] });
  expect(await lake.landing.stat('shop/2026-01-31/a.csv')).toBeUndefined();
});

test('an upload under way is not read, by its event or the sweep, until it is renamed', async () => {
  const { lake, arrive, sweepAfter } = stage();
  const [name, key] = ['shop/2026-01-31/a.csv.filepart', 'shop/2026-01-31/a.csv'];
  const { etag } = await lake.landing.write(name, row(1));
  expect(await arrive(name, etag)).toEqual([]);
  expect(await sweepAfter(6)).toMatchObject({ found: [], unfinished: [name], started: [] });
  renameSync(join(lake.landing.root, name), join(lake.landing.root, key));
  expect(await arrive(name, etag)).toEqual([]);
  expect(await sweepAfter(6)).toMatchObject({ found: [key], unfinished: [], started: ['shop/items'] });
});

test('a folder that somebody has made in landing is no file: no event, no sweep and no person is bothered with it', async () => {
  const { lake, arrive, sweepAfter } = stage();
  const marker = { key: 'shop/2026-01-31/', bytes: 0, etag: 'd41d8cd98f00b204e9800998ecf8427e' };
  expect(await arrive(marker.key, marker.etag)).toEqual([]);
  Object.assign(lake.landing, {
    list: async function* () {
      yield { ...marker, modified: new Date(0) };
    },
  });
  expect(await sweepAfter(6)).toEqual({ found: [], unfinished: [], started: [], failed: [] });
});

test('a dataset that an execution works on is left to it until its lease ends', async () => {
  const { lake, sweepAfter } = stage();
  await lake.landing.write('shop/2026-01-31/a.csv', row(1));
  // An execution on another host: nobody can tell whether it runs.
  await acquire(lake, { dataset: 'shop/items', runId: 'R', owner: 'elsewhere|1|1|1' });
  expect(await sweepAfter(6)).toMatchObject({ found: ['shop/2026-01-31/a.csv'], started: [] });
  expect(await sweepAfter(LEASE_SECONDS / 60 + 1)).toMatchObject({ started: ['shop/items'] });
  // A clock that was a day ahead when the lock was taken: nobody waits until that day is over.
  expect(await sweepAfter(-60)).toMatchObject({ started: [] });
  expect(await sweepAfter(-24 * 60)).toMatchObject({ started: ['shop/items'] });
});

test('an object that ends the process each time keeps nothing else from being swept', async () => {
  const { lake, arrive, started, sweepAfter } = stage();
  const { etag } = await lake.landing.write('shop/2026-01-31/a.csv', row(1));
  await arrive('shop/2026-01-31/a.csv', etag);
  await runStateMachine(lake, 'shop/items');
  const second = await lake.landing.write('shop/2026-01-31/b.csv', row(2));
  await arrive('shop/2026-01-31/b.csv', second.etag);
  const huge = 'shop/2026-01-31/huge.csv';
  await lake.landing.write(huge, row(3));
  const reached = Promise.withResolvers<void>();
  const { read } = lake.landing;
  const hang = async function* (): AsyncGenerator<Uint8Array> {
    reached.resolve();
    await new Promise(() => {});
  };
  Object.assign(lake.landing, {
    read: (key: string, options: object) => (key === huge ? hang() : read(key, options)),
  });
  void sweepAfter(6);
  await reached.promise;
  expect(started).toEqual(['shop/items']);
  expect(await lake.landing.stat('shop/2026-01-31/a.csv')).toBeUndefined();
});

test('what fails does not keep the rest from being swept', async () => {
  const { lake, sweepAfter } = stage();
  await lake.landing.write('shop/2026-01-31/a.csv', row(1));
  const report = await sweepAfter(6, async () => Promise.reject(new Error('throttled')));
  expect(report).toMatchObject({ found: ['shop/2026-01-31/a.csv'], started: [] });
  expect(report.failed.map(({ what }) => what)).toEqual(['shop/items']);
});
