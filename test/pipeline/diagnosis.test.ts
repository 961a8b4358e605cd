import { readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, jest, test } from '@jest/globals';
import type { Lake } from '../../lib/adapters/local/lake.ts';
import { partitions } from '../../lib/ledger/entries.ts';
import { tablePorts } from '../../lib/pipeline/context.ts';
import { diagnose } from '../../lib/pipeline/diagnosis.ts';
import { allFiles } from '../../lib/reports/ledger-tables.ts';
import { commit } from '../../lib/table/commit.ts';
import { liveFiles, loadTable } from '../../lib/table/table.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { ACTS, open, prepare, run } from './scenario/acts.ts';

const folder = temporaryFolder('diagnosis');
const TABLE = { database: 'shop', name: 'orders' };
let lakes = 0;

async function healthy(): Promise<Lake> {
  lakes++;
  const home = join(folder, String(lakes));
  await prepare(home, 'replay');
  return open(home);
}
const look = async (lake: Lake, mend = false) =>
  (await diagnose(lake, { landing: lake.landing, mend })).map(
    (finding) => `${finding.what} -> ${finding.mend}`,
  );

async function someFile(lake: Lake) {
  for await (const file of allFiles(lake.ledger)) return file;
  throw new Error('no file');
}

describe('the doctor', () => {
  test('finds nothing in a healthy lake', async () => {
    const lake = await healthy();
    expect(await look(lake)).toEqual([]);
    // Nor leaves it what had landed aside for good, where nothing is run any more.
    const aside = () => readdirSync(join(lake.landing.root, '.unfinished/removed'));
    expect(aside()).not.toEqual([]);
    const later = jest.spyOn(Date, 'now').mockReturnValue(Date.now() + 11 * 60_000);
    expect(await look(lake).finally(() => later.mockRestore())).toEqual([]);
    expect(aside()).toEqual([]);
  });

  test('finds nothing after a rollback: the vault keeps what it took back may need again', async () => {
    const lake = await healthy();
    await ACTS['roll back']?.(lake);
    expect(await look(lake)).toEqual([]);
  });

  test.each<[string, (lake: Lake) => Promise<void>, RegExp]>([
    [
      'a file without its copy',
      async (lake) => rmSync(join(lake.stores.raw.root, (await someFile(lake)).rawKey)),
      /has no copy in raw -> restore raw/,
    ],
    [
      'a copy without a file',
      async (lake) => {
        await lake.stores.raw.write('shop/orders/stray', Buffer.from('x'));
        lake.clock.now = () => new Date(Date.now() + 7_200_000);
      },
      /shop\/orders\/stray lies in raw .* -> headgate run/,
    ],
    [
      'an object in landing',
      async (lake) => void (await lake.landing.write('orders/2026-02-01.csv', Buffer.from('id\n'))),
      /1 objects lie in landing, 0 of them are known -> headgate run/,
    ],
    [
      'a lock of an execution that has ended',
      async (lake) => {
        const lock = await lake.ledger.get<object>(partitions.locks, 'shop/orders');
        const body = { ...lock?.body, owner: 'elsewhere|1|2|3', leaseUntil: '2000-01-01' };
        await lake.ledger.transact([{ kind: 'put', partition: partitions.locks, sort: 'shop/orders', body }]);
      },
      /the lock of shop\/orders belongs to an execution that has ended -> headgate run/,
    ],
    [
      'a snapshot of no run',
      async (lake) => {
        const table = await loadTable(tablePorts(lake, 'curated'), TABLE);
        const [file] = table === undefined ? [] : await liveFiles(lake.stores.lake, table);
        const change = {
          runId: 'stranger',
          add: [],
          remove: [file?.path ?? ''],
          kept: 0,
          onto: 'retry',
        } as const;
        await commit(tablePorts(lake, 'curated'), TABLE, change);
      },
      /was made by no run of the ledger -> look at it, then headgate rollback shop\/orders --to \d+/,
    ],
    [
      'a data file that is gone',
      async (lake) => {
        const table = await loadTable(tablePorts(lake, 'curated'), TABLE);
        const [file] = table === undefined ? [] : await liveFiles(lake.stores.lake, table);
        renameSync(file?.path ?? '', join(folder, `away-${lakes}`));
      },
      /data file .* of shop.orders is gone -> restore it/,
    ],
  ])('%s', async (_what, damage, finding) => {
    const lake = await healthy();
    await damage(lake);
    const found = await look(lake);
    expect(found).toEqual([expect.stringMatching(finding)]);
  });

  test('mends the ledger’s own lists', async () => {
    const lake = await healthy();
    writeFileSync(join(lake.home, 'landing/orders/2026-03-01.csv'), 'id,amount,phone\n9,9.00,0619\n');
    await run({
      ...lake,
      engine: { execute: () => Promise.reject(new Error('no engine')) },
    }).catch(() => undefined);
    const { ledger } = lake;
    const [waiting] = await ledger.query<{ fileId: string }>({
      partition: partitions.pending('shop/orders'),
    });
    expect(waiting).toBeDefined();
    await ledger.transact([
      { kind: 'delete', partition: partitions.pending('shop/orders'), sort: waiting?.sort ?? '' },
      { kind: 'put', partition: partitions.pending('shop/orders'), sort: 'ghost', body: {} },
      { kind: 'add', partition: partitions.summary('shop/orders'), sort: '0', numbers: { published: 5 } },
    ]);
    expect(await look(lake)).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/waits in no list -> headgate doctor --mend/),
        expect.stringMatching(
          /file ghost of shop\/orders is listed as waiting and is unknown -> headgate doctor --mend/,
        ),
        expect.stringMatching(
          /the summary of shop\/orders differs from its files in published -> headgate doctor --mend/,
        ),
      ]),
    );
    expect((await look(lake, true)).filter((line) => line.endsWith('-> mended'))).toHaveLength(3);
    await run(lake);
    expect(await look(lake)).toEqual([]);
  });
});
