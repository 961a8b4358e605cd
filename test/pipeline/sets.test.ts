import { randomUUID } from 'node:crypto';
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from '@jest/globals';
import { type Lake, openLake } from '../../lib/adapters/local/lake.ts';
import { runStateMachine } from '../../lib/adapters/local/state-machine.ts';
import { PoisonError } from '../../lib/errors.ts';
import { router } from '../../lib/intake/route.ts';
import { takeInArrival } from '../../lib/intake/take-in-arrival.ts';
import type { FileEntry, RunEntry } from '../../lib/ledger/entries.ts';
import { tablePorts } from '../../lib/pipeline/context.ts';
import { diagnose } from '../../lib/pipeline/diagnosis.ts';
import { draftSuccessor, reachOf, requestReplay } from '../../lib/pipeline/replays.ts';
import { work } from '../../lib/pipeline/work.ts';
import { allFiles, allRuns } from '../../lib/reports/ledger-tables.ts';
import { loadTable } from '../../lib/table/table.ts';
import { temporaryFolder } from '../support/temporary.ts';

const folder = temporaryFolder('sets');

function lakeOf(name: string): Lake {
  return openLake({
    home: join(folder, randomUUID()),
    contracts: join(import.meta.dirname, `../cases/${name}`),
    notifier: { notify: async () => undefined },
  });
}

function land({ landing }: Lake, key: string, id: number, minute = 0): void {
  const file = join(landing.root, 'shop', key);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, key.endsWith('.csv') ? `id,name,amount\n${id},a,1.00\n` : '');
  const at = new Date(Date.UTC(2026, 1, 1, 6, minute));
  utimesSync(file, at, at);
}

const portsOf = (lake: Lake) => ({
  landing: lake.landing,
  raw: lake.stores.raw,
  ledger: lake.ledger,
  notifier: lake.notifier,
});
const placeOf = ({ datasets }: Lake) => ({ bucket: 'landing', own: true, route: router(datasets) });
const workOn = (lake: Lake) =>
  work(
    { services: lake, ports: portsOf(lake), start: (dataset) => runStateMachine(lake, dataset) },
    placeOf(lake),
  );

async function states({ ledger }: Lake): Promise<Readonly<Record<string, string>>> {
  const found: Record<string, string> = {};
  for await (const { key, state, reasons } of allFiles(ledger))
    if (state !== 'superseded')
      found[key.replace('shop/2026-01-', '')] = [state, ...reasons.map(({ code }) => code)].join(' ');
  return found;
}

async function published({ ledger }: Lake): Promise<readonly number[]> {
  const found: RunEntry[] = [];
  for await (const run of allRuns(ledger)) if (run.state === 'published') found.push(run);
  return found.map(({ files }) => files.length);
}

test('limits of a batch never take a set apart', async () => {
  const healthy = lakeOf('set-by-count');
  const lake = { ...healthy, limits: { ...healthy.limits, files: 1, bytes: 1 } };
  for (const [index, key] of [
    '2026-01-30/a.csv',
    '2026-01-30/b.csv',
    '2026-01-31/a.csv',
    '2026-01-31/b.csv',
    '2026-01-29/a.csv',
  ].entries())
    land(lake, key, index);
  expect((await workOn(lake)).failed).toEqual([]);
  expect(await published(lake)).toEqual([2, 2]);
  expect((await states(lake))['29/a.csv']).toBe('admitted file.incomplete_set');
});

test('a set that the engine can’t process is refused whole, others of its batch are published, a new version brings it back', async () => {
  const healthy = lakeOf('set-by-count');
  let poison: string | undefined = '2026-01-30';
  const lake: Lake = {
    ...healthy,
    engine: {
      execute: (plan) =>
        poison !== undefined && plan.inputs.some(({ fileId }) => fileId.startsWith(poison ?? ''))
          ? Promise.reject(new PoisonError('the engine gave up', { fault: 'headgate' }))
          : healthy.engine.execute(plan),
    },
  };
  for (const [index, key] of [
    '2026-01-30/a.csv',
    '2026-01-30/b.csv',
    '2026-01-31/a.csv',
    '2026-01-31/b.csv',
  ].entries())
    land(lake, key, index);
  await workOn(lake);
  expect(await states(lake)).toEqual({
    '30/a.csv': 'quarantined file.poison',
    '30/b.csv': 'quarantined file.poison',
    '31/a.csv': 'published',
    '31/b.csv': 'published',
  });
  poison = undefined;
  land(lake, '2026-01-30/b.csv', 9, 1);
  await workOn(lake);
  const now: FileEntry[] = [];
  for await (const file of allFiles(lake.ledger)) now.push(file);
  const first = now.filter(({ set }) => set === '2026-01-30').map(({ key, state }) => `${key} ${state}`);
  expect(first.sort()).toEqual([
    'shop/2026-01-30/a.csv published',
    'shop/2026-01-30/b.csv published',
    'shop/2026-01-30/b.csv quarantined',
  ]);
  expect(
    now.every(
      ({ counts: { received, published: out, quarantined, deduplicated } }) =>
        received === out + quarantined + deduplicated,
    ),
  ).toBe(true);
});

test('the event of a marker that overtakes those of its members leaves none of them behind', async () => {
  const lake = lakeOf('set-by-marker');
  for (const [index, name] of ['a.csv', 'b.csv', '_SUCCESS', 'c.csv'].entries())
    land(lake, `2026-01-31/${name}`, index, index);
  const told = (name: string) =>
    takeInArrival(portsOf(lake), placeOf(lake), {
      bucket: 'landing',
      key: `shop/2026-01-31/${name}`,
      etag: '',
      bytes: 0,
      at: new Date(),
    });
  await told('_SUCCESS');
  await runStateMachine(lake, 'shop/items');
  expect(await states(lake)).toEqual({
    '31/_SUCCESS': 'control',
    '31/a.csv': 'published',
    '31/b.csv': 'published',
    '31/c.csv': 'admitted file.incomplete_set',
  });
  await Promise.all(['b.csv', 'a.csv', '_SUCCESS', 'c.csv'].map(told));
  await runStateMachine(lake, 'shop/items');
  expect(await published(lake)).toEqual([2]);
});

test('a marker covers the last of several versions that landed in its second', async () => {
  const lake = lakeOf('set-by-marker');
  land(lake, '2026-01-31/a.csv', 1);
  await workOn(lake);
  land(lake, '2026-01-31/a.csv', 2);
  land(lake, '2026-01-31/_SUCCESS', 0);
  expect((await workOn(lake)).failed).toEqual([]);
  const versions = await Array.fromAsync(allFiles(lake.ledger));
  expect(versions.map(({ key, state }) => `${key.slice(16)} ${state}`).sort()).toEqual([
    '_SUCCESS control',
    'a.csv published',
    'a.csv superseded',
  ]);
  const of = (wanted: string) => versions.find(({ state }) => state === wanted)?.receivedAt;
  expect(of('published') ?? '').toBe('2026-02-01T06:00:00.001Z');
  expect(of('superseded') ?? '').toBe('2026-02-01T06:00:00.000Z');
});

test('a member whose set replaces others is changed with all of its set: the rows of the other member stay', async () => {
  const lake = lakeOf('set-replaces-set');
  land(lake, '2026-01-31/a.csv', 1);
  land(lake, '2026-01-31/b.csv', 2);
  expect((await workOn(lake)).failed).toEqual([]);
  const first = await fileOfKey(lake, 'shop/2026-01-31/a.csv');
  const body = (async function* () {
    yield Buffer.from('id,name,amount\n7,a,1.00\n8,a,1.00\n');
  })();
  const draft = await draftSuccessor(lake, first, body);
  const reach = await reachOf(lake, draft);
  expect(reach.companions).toEqual([(await fileOfKey(lake, 'shop/2026-01-31/b.csv')).fileId]);
  await requestReplay(lake, draft, 'steward');
  expect((await workOn(lake)).failed).toEqual([]);
  expect(await states(lake)).toEqual({ '31/a.csv': 'published', '31/b.csv': 'published' });
  const { metadata } =
    (await loadTable(tablePorts(lake, 'curated'), { database: 'shop', name: 'items' })) ?? {};
  expect(metadata?.snapshots?.at(-1)?.summary['total-records']).toBe('3');
});

test('two members with the same bytes are one file, and its rows stand in the table once', async () => {
  const lake = lakeOf('set-by-count');
  land(lake, '2026-01-31/a.csv', 1);
  land(lake, '2026-01-31/b.csv', 1);
  expect((await workOn(lake)).failed).toEqual([]);
  expect(await states(lake)).toEqual({ '31/a.csv': 'published', '31/b.csv': 'duplicate file.duplicate' });
  expect(await published(lake)).toEqual([1]);
  const { metadata } =
    (await loadTable(tablePorts(lake, 'curated'), { database: 'shop', name: 'items' })) ?? {};
  expect(metadata?.snapshots?.at(-1)?.summary['total-records']).toBe('1');
  expect(await diagnose(lake, { landing: lake.landing, mend: false })).toEqual([]);
});

async function fileOfKey({ ledger }: Lake, key: string): Promise<FileEntry> {
  for await (const file of allFiles(ledger)) if (file.key === key) return file;
  throw new Error(`no file ${key}`);
}
