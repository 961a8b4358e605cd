import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { duckDbQueryEngine } from '../../lib/adapters/local/duckdb-query-engine.ts';
import { openLake } from '../../lib/adapters/local/lake.ts';
import { runStateMachine } from '../../lib/adapters/local/state-machine.ts';
import { parseContract } from '../../lib/contract/parse.ts';
import { TransientError } from '../../lib/errors.ts';
import { router } from '../../lib/intake/route.ts';
import type { FileEntry } from '../../lib/ledger/entries.ts';
import { summaryOf } from '../../lib/ledger/summary.ts';
import { diagnose } from '../../lib/pipeline/diagnosis.ts';
import { withLock } from '../../lib/pipeline/maintain.ts';
import { draftReplay } from '../../lib/pipeline/replays.ts';
import { applyRetention, explainRetention, isNothing, planRetention } from '../../lib/pipeline/retention.ts';
import { work } from '../../lib/pipeline/work.ts';
import type { Catalog } from '../../lib/ports/catalog.ts';
import { allFiles } from '../../lib/reports/ledger-tables.ts';
import { queryCost } from '../../lib/reports/query-cost.ts';
import { temporaryFolder } from '../support/temporary.ts';

const contract = (retention: string) => `kind: DataContract
apiVersion: v3.1.0
id: shop
version: 1.0.0
status: active
domain: shop
slaProperties:
  - { property: retention, ${retention} }
schema:
  - name: orders
    customProperties:
      - property: ingestion
        value: { landing: "orders/{businessDate:yyyy-MM-dd}/*", format: csv, maxRejectPercent: 100 }
    properties:
      - { name: id, logicalType: integer, required: true }
      - { name: mail, logicalType: string, classification: restricted, customProperties: [{ property: pii, value: { kind: email, action: vault } }] }
      - { name: day, logicalType: date, partitioned: true, partitionKeyPosition: 1, customProperties: [{ property: partitionTransform, value: month }] }
`;

describe('retention', () => {
  const home = temporaryFolder('retention');
  let now = new Date('2026-02-10T12:00:00Z');
  const clock = { now: () => now };
  const notifier = { notify: async () => undefined };
  mkdirSync(join(home, 'contracts/shop'), { recursive: true });
  writeFileSync(join(home, 'contracts/shop/orders.odcs.yaml'), contract('value: 1, unit: y'));
  const lake = openLake({ home: join(home, 'lake'), contracts: join(home, 'contracts'), notifier });
  const services = { ...lake, clock };
  const [dataset] = lake.datasets;
  if (dataset === undefined) throw new Error('no dataset');
  const storeOf = ({ database }: { readonly database: string }) =>
    database.endsWith('_vault') ? lake.stores.vault : lake.stores.lake;
  const engine = duckDbQueryEngine({ catalog: lake.catalog, storeOf, marts: [], ledgerTables: [] });
  const plan = async () => {
    const planned = await planRetention(services, engine, dataset);
    if (planned === undefined) throw new Error('no plan');
    return planned;
  };
  const act = (through = services) =>
    withLock(through, 'shop/orders', 'test', async (lock) => applyRetention(through, lock, await plan()));
  const takeIn = async (at: string, files: Readonly<Record<string, string>>) => {
    now = new Date(at);
    for (const [key, text] of Object.entries(files)) await lake.landing.write(key, Buffer.from(text));
    const intake = { landing: lake.landing, raw: lake.stores.raw, ledger: lake.ledger, notifier };
    const place = { bucket: 'landing', own: true, route: router(lake.datasets) };
    const start = (id: string) => runStateMachine(services, id);
    const { failed } = await work({ services, ports: intake, start }, place);
    expect(failed).toEqual([]);
  };
  const states = async () => {
    const files = await Array.fromAsync(allFiles(lake.ledger));
    return Object.fromEntries(files.map(({ key, state }: FileEntry) => [key, state]));
  };
  const column = async (sql: string) => (await engine.query(sql)).rows.map((row) => row.join(' '));
  const ids = () => column('SELECT id FROM shop.orders ORDER BY id');

  beforeAll(async () => {
    await takeIn('2024-03-02T12:00:00Z', {
      'orders/2024-01-10/a.csv':
        'id,mail,day\n1,old@x.y,2024-01-10\n2,both@x.y,2024-01-11\nbad,z@x.y,2024-01-10\n',
      // Of the same run, and its rows lie in another partition.
      'orders/2024-03-01/b.csv': 'id,mail,day\n3,both@x.y,2024-03-01\n',
    });
    // One data file holds rows of both files.
    await takeIn('2025-03-02T12:00:00Z', {
      'orders/2025-02-09/c.csv': 'id,mail,day\n4,c@x.y,2025-02-09\n',
      'orders/2025-02-20/d.csv': 'id,mail,day\n5,both@x.y,2025-02-20\n',
    });
    now = new Date('2026-02-10T12:00:00Z');
  });

  test('is planned and explained before anything happens', async () => {
    const before = await ids();
    const planned = await plan();
    expect(planned).toMatchObject({ dataset: 'shop/orders', before: '2025-02-10' });
    expect(explainRetention(planned)).toEqual([
      'shop.orders: 3 rows of business dates before 2025-02-10 in 2 data files leave; 1 data files with younger rows too wait until those are past',
      'shop_quarantine.orders: 1 rows of business dates before 2025-02-10 in 1 data files leave',
      "shop/orders: 2 files are expired and can't be replayed any more",
    ]);
    expect(await ids()).toEqual(before);
    expect(await states()).toMatchObject({ 'orders/2024-01-10/a.csv': 'published' });
  });

  test('what a query reads at most follows from partitions, bounds and columns', async () => {
    const cost = (sql: string) => queryCost({ catalog: lake.catalog, storeOf, marts: [] }, sql);
    const files = async (sql: string) => (await cost(sql)).tables.map((each) => each.files);
    const [all] = (await cost('SELECT * FROM shop.orders')).tables;
    expect(all).toMatchObject({ table: 'shop.orders', files: 3, ofFiles: 3, columns: 6, ofColumns: 6 });
    expect(all?.bytes).toBe(all?.ofBytes);
    const [narrow] = (await cost('SELECT id, 2 * id AS "mail?" FROM shop.orders')).tables;
    expect(narrow).toMatchObject({ files: 3, columns: 2 });
    expect(narrow?.bytes).toBeLessThan(all?.bytes ?? 0);
    expect(narrow?.bytes).toBeGreaterThan(0);
    expect(await files("SELECT id FROM shop.orders WHERE day >= DATE '2025-01-01'")).toEqual([1]);
    expect(
      await files("SELECT id FROM shop.orders o WHERE o.day BETWEEN DATE '2024-01-20' AND DATE '2024-02-01'"),
    ).toEqual([1]);
    expect(await files("SELECT id FROM shop.orders WHERE _source_file < '2024-02'")).toEqual([1]);
    // Either may be true, and the other one reads everything.
    expect(await files("SELECT id FROM shop.orders WHERE day >= DATE '2025-01-01' OR id = 1")).toEqual([3]);
    const both =
      "SELECT a.id FROM shop.orders a JOIN shop.orders b ON a.id = b.id WHERE a.day >= DATE '2025-01-01'";
    expect(await files(both)).toEqual([3]);
    expect(await files(`${both} AND DATE '2025-01-01' <= b.day`)).toEqual([1]);
    expect((await cost('SELECT count(*) AS n FROM shop.orders')).usd).toBeCloseTo(0.00005, 10);
  });

  test('takes out whole data files, accounts for them in the ledger, and is finished by the next call where it dies', async () => {
    let swaps = 0;
    const dying: Catalog = {
      ...lake.catalog,
      async swap(...args) {
        if (swaps++ > 0) throw new TransientError('gone', { fault: 'headgate' });
        return lake.catalog.swap(...args);
      },
    };
    await expect(act({ ...services, catalog: dying })).rejects.toThrow('gone');
    const run = await act();
    expect(run?.retention).toEqual({ before: '2025-02-10', files: 2, rows: 1 });
    expect(await diagnose(services, { landing: lake.landing, mend: false })).toEqual([]);
    expect(await ids()).toEqual(['4', '5']);
    expect(await column('SELECT count(*) AS n FROM shop_quarantine.orders')).toEqual(['0']);
    expect(await states()).toEqual({
      'orders/2024-01-10/a.csv': 'expired',
      'orders/2024-03-01/b.csv': 'expired',
      'orders/2025-02-09/c.csv': 'published',
      'orders/2025-02-20/d.csv': 'published',
    });
    expect(await summaryOf(lake.ledger, 'shop/orders')).toMatchObject({
      expired: 2,
      published: 2,
      rowsReceived: 6,
      rowsPublished: 5,
    });
    const [old] = (await Array.fromAsync(allFiles(lake.ledger))).filter(({ state }) => state === 'expired');
    await expect(draftReplay(services, old === undefined ? [] : [old])).rejects.toThrow(
      'past the retention of its contract',
    );
  });

  test('lets the vault follow, but for originals whose token still stands somewhere', async () => {
    // The first run wrote old@ and both@ into one file, and both@ is still in use.
    expect(isNothing(await plan())).toBe(true);
    expect(await column('SELECT count(*) AS n FROM shop_vault.orders')).toEqual(['3']);
    now = new Date('2026-02-22T12:00:00Z');
    expect((await act())?.retention).toEqual({ before: '2025-02-22', files: 2, rows: 2 });
    expect(await column('SELECT count(*) AS n FROM shop_vault.orders')).toEqual(['3']);
    now = new Date('2026-03-10T12:00:00Z');
    expect((await act())?.retention).toEqual({ before: '2025-03-10', files: 0, rows: 3 });
    expect(await column('SELECT count(*) AS n FROM shop_vault.orders')).toEqual(['0']);
    expect(isNothing(await plan())).toBe(true);
  });

  test('a contract that says it in other words is refused', () => {
    for (const text of [
      'value: soon',
      'value: 0, unit: y',
      'value: 3, unit: fortnights',
      'value: 1.5, unit: y',
    ])
      expect(() => parseContract(contract(text), 'shop.odcs.yaml')).toThrow(
        /is no time to keep rows; allowed: a whole number/,
      );
    const taken = contract('value: 1, unit: y').replace('domain: shop', 'domain: headgate');
    expect(() => parseContract(taken, 'shop.odcs.yaml')).toThrow("is the database of Headgate's own tables");
  });
});
