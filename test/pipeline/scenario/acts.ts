import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { duckDbRewrite } from '../../../lib/adapters/local/duckdb-rewrite.ts';
import { asExecution } from '../../../lib/adapters/local/executions.ts';
import { type Lake, openLake } from '../../../lib/adapters/local/lake.ts';
import { runStateMachine } from '../../../lib/adapters/local/state-machine.ts';
import { router } from '../../../lib/intake/route.ts';
import { datasetOf, tablePorts } from '../../../lib/pipeline/context.ts';
import { compactDataset, expireDataset, withLock } from '../../../lib/pipeline/maintain.ts';
import { draftReplay, draftSuccessor, requestReplay } from '../../../lib/pipeline/replays.ts';
import { rollBack } from '../../../lib/pipeline/rollback.ts';
import { work } from '../../../lib/pipeline/work.ts';
import { allFiles } from '../../../lib/reports/ledger-tables.ts';
import { snapshots } from '../../../lib/table/snapshots.ts';
import { loadTable } from '../../../lib/table/table.ts';

const DATASET = 'shop/orders';
const FILES: Readonly<Record<string, string>> = {
  'orders/2026-01-01.csv': 'id,amount,phone\n1,1.50,0611\n2,2.50,0612\n3,x,0613\n',
  'orders/2026-01-02.csv': 'id,amount,phone\n2,20.00,0612\n4,4.00,\n4,4.50,0614\n',
  'orders/2026-01-03.csv': 'id,total\n5,5.00\n',
};

export function land(home: string, names: readonly string[] = Object.keys(FILES)): void {
  for (const name of names) {
    const path = join(home, 'landing', name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, FILES[name] ?? '');
  }
}

export const open = (home: string): Lake =>
  openLake({
    home,
    contracts: join(import.meta.dirname, 'contracts'),
    notifier: { notify: async () => undefined },
  });

/** What `headgate run` does. */
export async function run(lake: Lake): Promise<void> {
  const { landing, stores, ledger, notifier } = lake;
  await work(
    {
      services: lake,
      ports: { landing, raw: stores.raw, ledger, notifier },
      start: (dataset) => runStateMachine(lake, dataset),
    },
    { bucket: 'landing', own: true, route: router(lake.datasets) },
  );
}

async function fileNamed(lake: Lake, key: string) {
  for await (const file of allFiles(lake.ledger))
    if (file.key === key && file.state !== 'superseded') return file;
  throw new Error(`no file ${key}`);
}

/** Acts of a person, each on a lake whose first two files stand in the table. */
export const ACTS: Readonly<Record<string, (lake: Lake) => Promise<void>>> = {
  run,
  async replay(lake) {
    await requestReplay(
      lake,
      await draftReplay(lake, [await fileNamed(lake, 'orders/2026-01-02.csv')]),
      'test',
    );
    await runStateMachine(lake, DATASET);
  },
  async correct(lake) {
    const old = await fileNamed(lake, 'orders/2026-01-01.csv');
    const body = (async function* () {
      yield Buffer.from('id,amount,phone\n1,1.75,0611\n3,3.00,0613\n');
    })();
    const draft = await draftSuccessor(lake, old, body).catch(() => undefined);
    if (draft !== undefined) await requestReplay(lake, draft, 'test');
    await runStateMachine(lake, DATASET);
  },
  async 'roll back'(lake) {
    const table = await loadTable(tablePorts(lake, 'curated'), { database: 'shop', name: 'orders' });
    const to = table === undefined ? undefined : snapshots(table)[0]?.id;
    await asExecution((execution) =>
      withLock(lake, DATASET, execution, (lock) =>
        rollBack(lake, lock, { dataset: DATASET, to: to ?? null, by: 'test' }),
      ),
    );
  },
  async compact(lake) {
    const scratch = join(lake.home, 'scratch/compact');
    await asExecution((execution) =>
      withLock(lake, DATASET, execution, () =>
        compactDataset(lake, datasetOf(lake, DATASET), (output) =>
          duckDbRewrite({
            store: output === 'vault' ? lake.stores.vault : lake.stores.lake,
            scratch,
            classified: [],
          }),
        ),
      ),
    );
  },
  async expire(lake) {
    const later = { ...lake, clock: { now: () => new Date(Date.now() + 10 * 24 * 3_600_000) } };
    await asExecution((execution) =>
      withLock(later, DATASET, execution, () =>
        expireDataset(later, datasetOf(later, DATASET), { grace: 3_600_000, keep: 1 }),
      ),
    );
  },
};

/** The lake before an act: for `run` the files have just landed, for the others two of them stand in the table, by two runs. */
export async function prepare(home: string, act: string): Promise<void> {
  rmSync(home, { recursive: true, force: true });
  if (act === 'run') return land(home);
  const [first = '', second = ''] = Object.keys(FILES);
  land(home, [first]);
  await run(open(home));
  land(home, [second]);
  await run(open(home));
}
