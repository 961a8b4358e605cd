import { randomUUID } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from '@jest/globals';
import { asExecution } from '../../lib/adapters/local/executions.ts';
import { type Lake, openLake } from '../../lib/adapters/local/lake.ts';
import { runStateMachine } from '../../lib/adapters/local/state-machine.ts';
import { router } from '../../lib/intake/route.ts';
import { tablePorts } from '../../lib/pipeline/context.ts';
import { withLock } from '../../lib/pipeline/maintain.ts';
import { rollBack } from '../../lib/pipeline/rollback.ts';
import { work } from '../../lib/pipeline/work.ts';
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
  const states: string[] = [];
  for await (const { key, state } of allFiles(lake.ledger)) states.push(`${key} ${state}`);
  expect(states.sort()).toEqual([
    'shop/2026-01-01/a.csv published',
    'shop/2026-01-02/a.csv withdrawn',
    'shop/2026-01-03/a.csv withdrawn',
  ]);
});
