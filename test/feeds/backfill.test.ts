import { mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { openLake } from '../../lib/adapters/local/lake.ts';
import { liveFiles, loadTable } from '../../lib/table/table.ts';
import { type FileRow, headgate, json, ROOT } from '../support/headgate.ts';
import { temporaryFolder } from '../support/temporary.ts';

const home = temporaryFolder('backfill');
const contracts = join(home, 'contracts');
const contract = join(contracts, 'items.odcs.yaml');
const MONTHS = ['2026-01-31', '2026-02-28', '2026-03-31'] as const;

const FIRST = `kind: DataContract
apiVersion: v3.1.0
id: case
version: 1.9.0
status: active
domain: shop
schema:
  - name: items
    customProperties:
      - property: ingestion
        value:
          landing: shop/{businessDate:yyyy-MM-dd}.csv
          format: csv
          drift: { addedColumn: ignore }
    properties:
      - name: id
        logicalType: integer
        required: true
      - name: day
        logicalType: date
        required: true
        partitioned: true
        partitionKeyPosition: 1
        customProperties: [{ property: partitionTransform, value: month }]
`;
const SECOND = `${FIRST.replace('1.9.0', '1.10.0')}      - name: colour\n        logicalType: string\n`;

const lake = (...args: readonly string[]) =>
  headgate(['--home', join(home, 'lake'), '--contracts', contracts, '--marts', contracts, ...args]);
const colours = async () =>
  json<Record<string, string | null>[]>(
    await lake('query', 'SELECT id, colour FROM shop.items ORDER BY id', '--json'),
  ).map(({ id, colour }) => `${id} ${colour}`);
const runs = async () =>
  json<{ n: string }[]>(
    await lake('query', "SELECT count(*) AS n FROM headgate.runs WHERE state = 'published'", '--json'),
  )[0]?.n;

/** Data files by the month that they hold. */
async function filesByMonth(): Promise<readonly string[]> {
  const { catalog, stores } = openLake({
    home: join(home, 'lake'),
    contracts,
    notifier: { notify: async () => undefined },
  });
  const table = await loadTable({ catalog, store: stores.lake }, { database: 'shop', name: 'items' });
  const files = table === undefined ? [] : await liveFiles(stores.lake, table);
  return files.map(({ path, partition }) => `${JSON.stringify(partition)} ${path}`).sort();
}

/** Paths that only one of both has. */
const changed = (before: readonly string[], after: readonly string[]) => [
  before.filter((file) => !after.includes(file)).length,
  after.filter((file) => !before.includes(file)).length,
];

test('backfill and replay by date or contract say what they will do, do it once, and leave other partitions alone', async () => {
  const landing = join(home, 'landing/shop');
  for (const folder of [contracts, landing]) mkdirSync(folder, { recursive: true });
  writeFileSync(contract, FIRST);
  for (const [index, day] of MONTHS.entries())
    writeFileSync(join(landing, `${day}.csv`), `id,day,colour\n${index + 1},${day},red\n`);
  const run = await lake('run', '--landing', join(home, 'landing'), '--json');
  expect(json<FileRow[]>(run).map(({ status }) => status)).toEqual(['published', 'published', 'published']);

  // No version is later than the one that published them.
  expect(await lake('backfill', 'shop/items', '--yes')).toMatchObject({
    code: 0,
    stdout: expect.stringContaining(
      'nothing to do: no file of shop/items was published before version 1.9.0',
    ),
  });
  writeFileSync(contract, SECOND);
  const before = await filesByMonth();

  const asked = await lake('backfill', 'shop/items', '--from', '2026-02-01', '--to', '2026-02-28');
  expect(asked.stderr).toContain('1 files (1 records) are loaded again under contract version 1.10.0');
  expect([await filesByMonth(), await runs()]).toEqual([before, '1']);

  const february = await lake(
    'backfill',
    'shop/items',
    '--from',
    '2026-02-01',
    '--to',
    '2026-02-28',
    '--yes',
  );
  expect(february.code).toBe(0);
  expect(await colours()).toEqual(['1 null', '2 red', '3 null']);
  expect(changed(before, await filesByMonth())).toEqual([1, 1]);

  const rest = await lake('backfill', 'shop/items', '--yes', '--json');
  expect(json<FileRow[]>(rest).map(({ file }) => file)).toEqual([
    'shop/2026-01-31.csv',
    'shop/2026-03-31.csv',
  ]);
  expect([await colours(), await runs()]).toEqual([['1 red', '2 red', '3 red'], '3']);
  const again = await lake('backfill', 'shop/items', '--yes', '--json');
  expect([again.code, again.stdout, await runs()]).toEqual([0, '[]\n', '3']);

  const since = await lake(
    'replay',
    '--dataset',
    'shop/items',
    '--since-contract',
    '1.10.0',
    '--to',
    '2026-02-28',
    '--yes',
    '--json',
  );
  expect(json<FileRow[]>(since)).toHaveLength(2);
  expect([await colours(), await runs()]).toEqual([['1 red', '2 red', '3 red'], '4']);
  const none = await lake('replay', '--dataset', 'shop/items', '--since-contract', '2.0.0', '--yes');
  expect(none).toMatchObject({ code: 1, stderr: expect.stringContaining('no file of shop/items is meant') });
  expect(readFileSync(join(landing, `${MONTHS[0]}.csv`), 'utf8')).toContain('red');
}, 120_000);

test('a replay of a file of which every row was refused does not refuse them twice', async () => {
  const landing = join(home, 'refused');
  const place = [
    '--home',
    join(home, 'refused-lake'),
    '--contracts',
    join(ROOT, 'test/cases/earlier-versions'),
  ];
  mkdirSync(join(landing, 'shop/2026-01-31'), { recursive: true });
  writeFileSync(join(landing, 'shop/2026-01-31/a.csv'), 'id,pieces,amount\nx,1,1\ny,2,2\n');
  expect((await headgate([...place, 'run', '--landing', landing])).code).toBe(3);
  const replayed = await headgate([...place, 'replay', 'shop/2026-01-31/a.csv', '--yes', '--json']);
  expect(json<FileRow[]>(replayed)).toMatchObject([{ status: 'published', received: 2, quarantined: 2 }]);
  const refused = await headgate([
    ...place,
    'query',
    'SELECT id, _source_row FROM shop_quarantine.items ORDER BY 2',
    '--json',
  ]);
  expect(json(refused)).toEqual([
    { id: 'x', _source_row: '1' },
    { id: 'y', _source_row: '2' },
  ]);
});

test('of files without a business date those of a day of the contract’s own zone are meant', async () => {
  const place = join(home, 'undated');
  for (const folder of ['contracts', 'landing']) mkdirSync(join(place, folder), { recursive: true });
  const undated = FIRST.replace(
    'shop/{businessDate:yyyy-MM-dd}.csv',
    'shop-*.csv\n          arrivals: { timezone: Pacific/Auckland, days: daily }',
  );
  writeFileSync(join(place, 'contracts/items.odcs.yaml'), undated);
  for (const hour of ['10', '11']) {
    const file = join(place, `landing/shop-${hour}.csv`);
    writeFileSync(file, `id,day\n${hour},2026-01-31\n`);
    // Midnight in Auckland comes between them.
    utimesSync(file, new Date(`2026-01-31T${hour}:30:00Z`), new Date(`2026-01-31T${hour}:30:00Z`));
  }
  const command = (...args: readonly string[]) =>
    headgate(['--home', join(place, 'lake'), '--contracts', join(place, 'contracts'), ...args]);
  expect((await command('run', '--landing', join(place, 'landing'))).code).toBe(0);
  const february = ['--dataset', 'shop/items', '--from', '2026-02-01'];
  const replayed = json<FileRow[]>(await command('replay', ...february, '--yes', '--json'));
  expect(replayed.map(({ file }) => file)).toEqual(['shop-11.csv']);
});
