import { randomUUID } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Lake, openLake } from '../../lib/adapters/local/lake.ts';
import { runStateMachine } from '../../lib/adapters/local/state-machine.ts';
import { router } from '../../lib/intake/route.ts';
import { takeInArrival } from '../../lib/intake/take-in-arrival.ts';
import { acquire } from '../../lib/ledger/locks.ts';
import { summaryOf } from '../../lib/ledger/summary.ts';
import { diagnose } from '../../lib/pipeline/diagnosis.ts';
import { sweep } from '../../lib/pipeline/sweep.ts';
import { makeMissingTables } from '../../lib/pipeline/work.ts';
import { allFiles, allRuns } from '../../lib/reports/ledger-tables.ts';
import { commit } from '../../lib/table/commit.ts';
import { ensureTable } from '../../lib/table/evolve.ts';
import { liveFiles, loadTable } from '../../lib/table/table.ts';
import { DATASET, FILES } from './theatre.ts';

const open = (home: string, name: string): Lake =>
  openLake({
    home: join(home, name),
    contracts: join(import.meta.dirname, '../pipeline/scenario/contracts'),
    notifier: { notify: async () => undefined },
  });

/** What many do at the same time, each crowd on a lake of its own. Answers with what went wrong. */
export const CROWDS: Readonly<Record<string, (home: string) => Promise<readonly string[]>>> = {
  async 'two writers of one table'(home) {
    const lake = open(home, 'writers');
    const ports = { store: lake.stores.lake, catalog: lake.catalog, clock: lake.clock, newId: randomUUID };
    const table = { database: 'db', name: 't' };
    const schema = [{ id: 1, name: 'n', type: 'int', required: false }] as const;
    await ensureTable(ports, table, { schema, partitionBy: [] });
    const writer = async (name: string) => {
      for (let n = 0; n < 10; n++) {
        const path = `${ports.store.root}/db/t/data/${name}${n}.parquet`;
        const add = [{ path, partition: [], rows: 1, bytes: 1, columns: {} }];
        await commit(ports, table, { runId: `${name}${n}`, add, remove: [], kept: 0, onto: 'retry' });
      }
    };
    await Promise.all([writer('a'), writer('b')]);
    const loaded = await loadTable(ports, table);
    const files = loaded === undefined ? [] : await liveFiles(ports.store, loaded);
    return files.length === 20 ? [] : [`${files.length} files of 20 commits stand in the table`];
  },

  async 'fifty intakes of one file'(home) {
    const lake = open(home, 'intakes');
    const [key = '', text = ''] = FILES[0] ?? [];
    await lake.landing.write(key, Buffer.from(text));
    const ports = portsOf(lake);
    const arrival = { bucket: 'landing', key, etag: '', bytes: text.length, at: new Date() };
    const deeds = Array.from({ length: 50 }, () => takeInArrival(ports, placeOf(lake), arrival));
    const taken = (await Promise.allSettled(deeds)).map((each) =>
      each.status === 'fulfilled' ? each.value.filter(({ isNew }) => isNew).length : 0,
    );
    const news = taken.reduce((sum, each) => sum + each, 0);
    const files = await Array.fromAsync(allFiles(lake.ledger));
    const { rowsReceived } = await summaryOf(lake.ledger, DATASET);
    return files.length === 1 && news === 1 && rowsReceived === 3
      ? []
      : [`${files.length} files, ${news} of them new, ${rowsReceived} rows received instead of 1, 1, 3`];
  },

  async 'two executions that ask for the lock in the same moment'(home) {
    const lake = open(home, 'lock');
    const ask = (owner: string) => acquire(lake, { dataset: DATASET, runId: owner, owner });
    const locks = (await Promise.all([ask('one'), ask('other')])).filter((lock) => lock !== undefined);
    return locks.length === 1 ? [] : [`${locks.length} of two executions got the lock instead of one`];
  },

  async 'five executions at once'(home) {
    const lake = open(home, 'executions');
    await makeMissingTables(lake);
    const [key = '', text = ''] = FILES[0] ?? [];
    await lake.landing.write(key, Buffer.from(text));
    const arrival = { bucket: 'landing', key, etag: '', bytes: text.length, at: new Date() };
    await takeInArrival(portsOf(lake), placeOf(lake), arrival);
    // Two at the same moment, the others while the first is at work.
    const late = [0, 0, 20, 40, 80].map(async (milliseconds) => {
      await new Promise((resolve) => setTimeout(resolve, milliseconds));
      return runStateMachine(lake, DATASET);
    });
    await Promise.allSettled(late);
    const states = (await Array.fromAsync(allRuns(lake.ledger))).map(({ state }) => state);
    return states.join() === 'published'
      ? []
      : [`one batch had the runs ${states.join()} instead of one that is published`];
  },

  async 'a sweeper beside live runs'(home) {
    const lake = open(home, 'sweeper');
    await makeMissingTables(lake);
    const told: string[] = [];
    const services = {
      ...lake,
      notifier: { notify: async ({ title }: { title: string }) => void told.push(title) },
    };
    const ports = portsOf(services);
    const later = { ...services, clock: { now: () => new Date(Date.now() + 6 * 60_000) } };
    let sweeping = true;
    const sweeper = (async () => {
      while (sweeping) {
        await sweep(
          { services: later, ports, start: (dataset) => runStateMachine(later, dataset) },
          placeOf(lake),
        );
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    })();
    for (const [key, text] of FILES) {
      await lake.landing.write(key, Buffer.from(text));
      const arrival = { bucket: 'landing', key, etag: '', bytes: text.length, at: new Date() };
      await takeInArrival(ports, placeOf(lake), arrival).catch(() => []);
      await runStateMachine(services, DATASET);
    }
    sweeping = false;
    await sweeper;
    await sweep({ services: later, ports, start: () => runStateMachine(later, DATASET) }, placeOf(lake));
    const counts = Map.groupBy(await Array.fromAsync(allFiles(lake.ledger)), ({ state }) => state);
    const twice = told.filter((title, index) => told.indexOf(title) !== index);
    const findings = await diagnose(lake, { landing: lake.landing, mend: false });
    return [
      ...findings.map(({ what }) => what),
      ...twice.map((title) => `told twice: ${title}`),
      ...(counts.get('published')?.length === 2 && counts.get('quarantined')?.length === 1
        ? []
        : [`states ${[...counts.keys()].join()}`]),
    ];
  },
};

const portsOf = ({ landing, stores, ledger, notifier }: Lake) => ({
  landing,
  raw: stores.raw,
  ledger,
  notifier,
});

const placeOf = (lake: Lake) => ({ bucket: 'landing', own: true, route: router(lake.datasets) });

export async function crowdsIn(home: string): Promise<readonly string[]> {
  const wrong: string[] = [];
  for (const [name, crowd] of Object.entries(CROWDS)) {
    const folder = join(home, 'crowds');
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    const found = await crowd(folder).catch((error: unknown) => [String(error)]);
    wrong.push(...found.map((what) => `${name}: ${what}`));
  }
  return wrong;
}
