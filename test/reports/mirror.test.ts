import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { duckDbQueryEngine } from '../../lib/adapters/local/duckdb-query-engine.ts';
import { openLake } from '../../lib/adapters/local/lake.ts';
import { runStateMachine } from '../../lib/adapters/local/state-machine.ts';
import { LEDGER_DATABASE } from '../../lib/contract/dataset.ts';
import { TransientError } from '../../lib/errors.ts';
import { router } from '../../lib/intake/route.ts';
import { work } from '../../lib/pipeline/work.ts';
import type { Catalog } from '../../lib/ports/catalog.ts';
import { ledgerTables } from '../../lib/reports/ledger-tables.ts';
import { makeLedgerTables, mirrorLedger } from '../../lib/reports/mirror.ts';
import { snapshots } from '../../lib/table/snapshots.ts';
import { liveFiles, loadTable } from '../../lib/table/table.ts';
import { temporaryFolder } from '../support/temporary.ts';

const folder = temporaryFolder('mirror');
const HOUR = 60 * 60 * 1000;

describe('the ledger as tables', () => {
  // Runs of one month are one part: none of them begins in the next one.
  const begun = Date.now();
  const lake = {
    ...openLake({
      home: join(folder, randomUUID()),
      contracts: join(import.meta.dirname, '../cases/good-file'),
      notifier: { notify: async () => undefined },
    }),
    clock: { now: () => new Date(begun) },
  };
  let now = begun + HOUR;
  const ports = { ...lake, store: lake.stores.lake, clock: { now: () => new Date(now) } };
  const mirror = () => {
    now += HOUR;
    return mirrorLedger(ports);
  };
  const land = async (key: string, text: string) => {
    await lake.landing.write(key, Buffer.from(text));
    const intake = {
      landing: lake.landing,
      raw: lake.stores.raw,
      ledger: lake.ledger,
      notifier: lake.notifier,
    };
    const place = { bucket: 'landing', own: true, route: router(lake.datasets) };
    await work({ services: lake, ports: intake, start: (dataset) => runStateMachine(lake, dataset) }, place);
  };
  const engine = (tables: ReturnType<typeof ledgerTables>) =>
    duckDbQueryEngine({
      catalog: { ...lake.catalog, list: async () => (tables.length > 0 ? [] : lake.catalog.list()) },
      storeOf: () => lake.stores.lake,
      marts: [],
      ledgerTables: tables,
    });
  /** Every row of every table: as the laptop computes it, and as the Iceberg tables hold it. */
  const both = async () => {
    const live = ledgerTables(ports);
    const rows = [];
    for (const { name, columns } of live) {
      const sql = `SELECT ${columns.map(([column]) => column).join(', ')} FROM headgate.${name} ORDER BY ${columns.map((_, index) => index + 1).join(', ')}`;
      rows.push([name, await engine(live).query(sql), await engine([]).query(sql)] as const);
    }
    return rows;
  };
  const expectSame = async () => {
    for (const [name, computed, stored] of await both()) expect([name, stored]).toEqual([name, computed]);
  };
  const written = (report: Awaited<ReturnType<typeof mirrorLedger>>) =>
    Object.fromEntries(report.map(({ table, parts, rows }) => [table, [parts, rows]]));

  beforeAll(async () => {
    await land('shop/2026-01-30/a.csv', 'id,name,amount\n1,x,1.00\n2,y,2.00\n');
    await land('shop/2026-02-01/b.csv', 'id,name,amount\n3,x,1.00\n4,y,not a number\n');
    await land('shop/2026-02-02/ü.csv', '');
    await land('elsewhere/c.csv', 'id\n1\n');
  });

  test('are empty tables at first, which statements can already read', async () => {
    await makeLedgerTables(ports);
    await makeLedgerTables(ports);
    const { columns, rows } = await engine([]).query('SELECT * FROM headgate.check_results');
    expect(rows).toEqual([]);
    expect(columns.map(({ name }) => name)).toContain('outcome');
  });

  test('hold the rows that the laptop computes, with their types', async () => {
    const report = await mirror();
    expect(report.find(({ table }) => table === 'files')).toMatchObject({ parts: 3, rows: 4, waiting: 0 });
    await expectSame();
    const found = await both();
    const rowsOf = (name: string) => found.find(([table]) => table === name)?.[2].rows ?? [];
    expect(rowsOf('runs').length).toBe(2);
    expect(rowsOf('check_results').map((row) => [row[1], row[4], row[7]])).toEqual(
      expect.arrayContaining([
        ['amount.type', 'fail', '1'],
        ['amount.type', 'pass', '0'],
      ]),
    );
  });

  test('are left alone where nothing has changed', async () => {
    expect(written(await mirror())).toMatchObject({ files: [0, 0], runs: [0, 0], check_results: [0, 0] });
  });

  test('are written again in the parts that have changed, and only there', async () => {
    await land('shop/2026-02-03/d.csv', 'id,name,amount\n5,x,1.00\n');
    expect(written(await mirror())).toMatchObject({ files: [1, 3], runs: [1, 3] });
    await expectSame();
  });

  test('stay right when two copy at once, and after one that got no answer from the catalogue', async () => {
    await land('shop/2026-01-31/e.csv', 'id,name,amount\n6,x,1.00\n');
    await Promise.all([mirror(), mirror(), mirror()]);
    await mirror();
    await expectSame();
    await land('shop/2026-01-31/f.csv', 'id,name,amount\n7,x,1.00\n');
    const lost: Catalog = {
      ...lake.catalog,
      async swap(...args) {
        await lake.catalog.swap(...args);
        throw new TransientError('no answer', { fault: 'headgate' });
      },
    };
    now += HOUR;
    await expect(mirrorLedger({ ...ports, catalog: lost })).rejects.toThrow('no answer');
    await mirror();
    await expectSame();
  });

  test('rest after they were written, the longer the more rows they have', async () => {
    const report = async () => (await mirrorLedger(ports)).find(({ table }) => table === 'files');
    await mirror();
    await land('shop/2026-01-31/g.csv', 'id,name,amount\n8,x,1.00\n');
    await mirror();
    await land('shop/2026-01-31/h.csv', 'id,name,amount\n9,x,1.00\n');
    expect(await report()).toMatchObject({ parts: 0, waiting: 1 });
    now += 5_000;
    expect(await report()).toMatchObject({ parts: 1, waiting: 0 });
    await expectSame();
    // A clock that was a day ahead is set right.
    now -= 24 * HOUR;
    await land('shop/2026-01-31/i.csv', 'id,name,amount\n10,x,1.00\n');
    expect(await report()).toMatchObject({ parts: 1, waiting: 0 });
    await expectSame();
  });

  test('forget old snapshots, with the files that only those need', async () => {
    const table = { database: LEDGER_DATABASE, name: 'arrivals' };
    const files = { database: LEDGER_DATABASE, name: 'files' };
    for (let more = 0; more < 30; more++) {
      const entry = { kind: 'add', partition: 'summary#shop/items', sort: '0', numbers: { '@2026-01': 1 } };
      await lake.ledger.transact([entry as never]);
      await mirror();
    }
    const current = await loadTable(ports, files);
    expect(snapshots(current as never).length).toBeLessThan(30);
    const stored = await Array.fromAsync(lake.stores.lake.list('headgate/files/data/'));
    expect(stored.length).toBeLessThan(60);
    expect((await liveFiles(lake.stores.lake, current as never)).length).toBe(3);
    expect(await loadTable(ports, table)).toBeDefined();
    await expectSame();
  });
});
