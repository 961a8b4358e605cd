import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { openLake } from '../../lib/adapters/local/lake.ts';
import { runStateMachine } from '../../lib/adapters/local/state-machine.ts';
import { router } from '../../lib/intake/route.ts';
import type { FileEntry } from '../../lib/ledger/entries.ts';
import { work } from '../../lib/pipeline/work.ts';
import type { Ledger } from '../../lib/ports/ledger.ts';
import { allFiles, allRuns } from '../../lib/reports/ledger-tables.ts';
import { liveFiles, loadTable } from '../../lib/table/table.ts';
import { ROOT } from '../support/headgate.ts';
import { temporaryFolder } from '../support/temporary.ts';

const folder = temporaryFolder('abandon');
const FILE = 'retail/sales/2011-01-05.csv';

const isFile = (body: unknown): body is FileEntry =>
  typeof body === 'object' && body !== null && 'sha256' in body;

test('a run whose rows stand in the table, and whose ledger is in the way, is finished, not planned again', async () => {
  const home = join(folder, 'lake');
  const notifier = { notify: async () => undefined };
  const lake = openLake({ home, contracts: join(ROOT, 'contracts'), notifier });
  cpSync(join(ROOT, 'samples', FILE), join(home, 'landing', FILE));
  // As often as a change of files is tried.
  let conflicts = 5;
  const ledger: Ledger = {
    ...lake.ledger,
    transact(writes) {
      const publishes = writes.some(
        (write) => write.kind === 'put' && isFile(write.body) && write.body.state === 'published',
      );
      return publishes && conflicts-- > 0 ? Promise.resolve('conflict') : lake.ledger.transact(writes);
    },
  };
  const services = { ...lake, ledger };
  const ports = { landing: lake.landing, raw: lake.stores.raw, ledger, notifier };
  const place = { bucket: 'landing', own: true, route: router(lake.datasets) };
  const report = await work({ services, ports, start: (name) => runStateMachine(services, name) }, place);

  expect(report.failed).toEqual([]);
  expect(conflicts).toBeLessThan(0);
  const runs = (await Array.fromAsync(allRuns(lake.ledger))).map(({ state }) => state);
  expect(runs).toEqual(['published']);
  const [file] = await Array.fromAsync(allFiles(lake.ledger));
  expect(file).toMatchObject({ state: 'published', counts: { received: 63, published: 62, quarantined: 1 } });
  const rows = async (database: string) => {
    const table = await loadTable(
      { catalog: lake.catalog, store: lake.stores.lake },
      { database, name: 'sales' },
    );
    const files = table === undefined ? [] : await liveFiles(lake.stores.lake, table);
    return files.reduce((sum, each) => sum + each.rows, 0);
  };
  expect([await rows('retail'), await rows('retail_quarantine')]).toEqual([62, 1]);
});
