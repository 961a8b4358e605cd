import { randomUUID } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from '@jest/globals';
import { asExecution } from '../../lib/adapters/local/executions.ts';
import { type Lake, openLake } from '../../lib/adapters/local/lake.ts';
import { runStateMachine } from '../../lib/adapters/local/state-machine.ts';
import { router } from '../../lib/intake/route.ts';
import { datasetOf, tablePorts } from '../../lib/pipeline/context.ts';
import { expireDataset, withLock } from '../../lib/pipeline/maintain.ts';
import { draftSuccessor, requestReplay } from '../../lib/pipeline/replays.ts';
import { rollBack } from '../../lib/pipeline/rollback.ts';
import { work } from '../../lib/pipeline/work.ts';
import { DAY_MS } from '../../lib/ports/clock.ts';
import { allFiles } from '../../lib/reports/ledger-tables.ts';
import { loadTable, snapshotText } from '../../lib/table/table.ts';
import { temporaryFolder } from '../support/temporary.ts';

const folder = temporaryFolder('rollback');
const ID = 'shop/items';
const TABLE = { database: 'shop', name: 'items' };

const lakeOf = (name: string): Lake =>
  openLake({
    home: join(folder, randomUUID()),
    contracts: join(import.meta.dirname, `../cases/${name}`),
    notifier: { notify: async () => undefined },
  });

async function load(lake: Lake, day: string, rows: string): Promise<void> {
  const path = join(lake.landing.root, `shop/${day}/a.csv`);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `id,pieces,amount\n${rows}`);
  const { landing, stores, ledger, notifier } = lake;
  const ports = { landing, raw: stores.raw, ledger, notifier };
  const place = { bucket: 'landing', own: true, route: router(lake.datasets) };
  const worker = { services: lake, ports, start: (dataset: string) => runStateMachine(lake, dataset) };
  expect((await work(worker, place)).failed).toEqual([]);
}

const backTo = (lake: Lake, to: string | null) =>
  asExecution((execution) =>
    withLock(lake, ID, execution, (lock) => rollBack(lake, lock, { dataset: ID, to, by: 'test' })),
  );

async function statesOf(lake: Lake): Promise<readonly string[]> {
  const states: string[] = [];
  for await (const { key, state, counts } of allFiles(lake.ledger))
    states.push(`${key.slice(5, 15)} ${state} ${counts.published}`);
  return states.sort();
}

async function snapshotOf(lake: Lake): Promise<string | null> {
  const table = await loadTable(tablePorts(lake, 'curated'), TABLE);
  return table === undefined ? null : snapshotText(table);
}

test('takes back a run, too, of which every row had lost or was refused', async () => {
  const lake = lakeOf('earlier-versions');
  await load(lake, '2026-01-01', '9,1,1.00\n');
  const first = await snapshotOf(lake);
  await load(lake, '2026-01-03', '1,3,3.00\n');
  // Its first row loses to the one above, its second is refused.
  await load(lake, '2026-01-02', '1,2,2.00\n2,x,2.00\n');
  await backTo(lake, first);
  expect(await statesOf(lake)).toEqual([
    '2026-01-01 published 1',
    '2026-01-02 withdrawn 0',
    '2026-01-03 withdrawn 0',
  ]);
});

test('to before a correction and back again leaves the file that was corrected without rows, as they are in no table', async () => {
  const lake = lakeOf('earlier-versions');
  await load(lake, '2026-01-01', '1,1,1.00\n2,2,2.00\n');
  const before = await snapshotOf(lake);
  const [file] = await Array.fromAsync(allFiles(lake.ledger));
  if (file === undefined) throw new Error('no file');
  const body = (async function* () {
    yield Buffer.from('id,pieces,amount\n1,7,7.00\n');
  })();
  await requestReplay(lake, await draftSuccessor(lake, file, body), 'test');
  await runStateMachine(lake, ID);
  const after = await snapshotOf(lake);
  const corrected = ['2026-01-01 published 1', '2026-01-01 superseded 0'];
  expect(await statesOf(lake)).toEqual(corrected);
  await backTo(lake, before);
  expect(await statesOf(lake)).toEqual(['2026-01-01 published 2', '2026-01-01 withdrawn 0']);
  await backTo(lake, after);
  expect(await statesOf(lake)).toEqual(corrected);
});

test('to the empty table takes back runs whose snapshots have expired, too', async () => {
  const lake = lakeOf('earlier-versions');
  for (const day of ['2026-01-01', '2026-01-02', '2026-01-03'])
    await load(lake, day, `${day.slice(9)},1,1.00\n0,x,\n`);
  const later = { ...lake, clock: { now: () => new Date(Date.now() + 30 * DAY_MS) } };
  await expireDataset(later, datasetOf(lake, ID), { grace: DAY_MS, keep: 1 });
  await backTo(lake, null);
  expect(await statesOf(lake)).toEqual([
    '2026-01-01 withdrawn 0',
    '2026-01-02 withdrawn 0',
    '2026-01-03 withdrawn 0',
  ]);
});
