import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { folderStore } from '../../lib/adapters/local/folder-store.ts';
import { sqliteCatalog } from '../../lib/adapters/local/sqlite-catalog.ts';
import { commit } from '../../lib/table/commit.ts';
import { ensureTable } from '../../lib/table/evolve.ts';
import { liveFiles, loadTable, type TablePorts } from '../../lib/table/table.ts';
import { temporaryFolder } from '../support/temporary.ts';

const home = temporaryFolder('asked-twice');
const table = { database: 'db', name: 't' };
const schema = [{ id: 1, name: 'n', type: 'int', required: false }] as const;

/** As the AWS SDK does after a lost answer: every change is asked for twice, and the second answer counts. */
function askingTwice(): TablePorts {
  const catalog = sqliteCatalog(join(home, 'catalog.db'));
  const store = folderStore(join(home, 'lake'));
  const twice = async <T>(ask: () => Promise<T>): Promise<T> => {
    await ask();
    return ask();
  };
  return {
    store: { ...store, write: (...args) => twice(() => store.write(...args)) },
    catalog: {
      ...catalog,
      create: (...args) => twice(() => catalog.create(...args)),
      swap: (...args) => twice(() => catalog.swap(...args)),
    },
    clock: { now: () => new Date() },
    newId: randomUUID,
  };
}

test('a table whose making and commits meet themselves stands, with every run once', async () => {
  const ports = askingTwice();
  await ensureTable(ports, table, { schema, partitionBy: [] });
  for (const runId of ['r1', 'r2']) {
    const file = {
      path: `${ports.store.root}/db/t/data/${runId}.parquet`,
      partition: [],
      rows: 1,
      bytes: 10,
      columns: {},
    };
    const change = { runId, add: [file], remove: [], kept: 0, onto: 'retry' } as const;
    expect(await commit(ports, table, change)).toMatchObject({ status: 'committed' });
  }
  const loaded = await loadTable(ports, table);
  if (loaded === undefined) throw new Error('the table is gone');
  const paths = (await liveFiles(ports.store, loaded)).map(({ path }) => path.replace(/.*\//, ''));
  expect(paths.sort()).toEqual(['r1.parquet', 'r2.parquet']);
});
