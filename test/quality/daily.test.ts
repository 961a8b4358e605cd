import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { duckDbQueryEngine } from '../../lib/adapters/local/duckdb-query-engine.ts';
import { openLake } from '../../lib/adapters/local/lake.ts';
import { runStateMachine } from '../../lib/adapters/local/state-machine.ts';
import { TransientError } from '../../lib/errors.ts';
import { router } from '../../lib/intake/route.ts';
import { type FileEntry, partitions, type RunEntry } from '../../lib/ledger/entries.ts';
import { work } from '../../lib/pipeline/work.ts';
import type { Notice } from '../../lib/ports/notifier.ts';
import { type DailyPorts, dailyLook, dailyResults } from '../../lib/quality/daily.ts';
import { findingsOf, parseMart } from '../../lib/reports/marts.ts';
import { temporaryFolder } from '../support/temporary.ts';

const CONTRACT = `kind: DataContract
apiVersion: v3.1.0
id: shop
version: 1.0.0
status: active
domain: shop
schema:
  - name: items
    customProperties:
      - property: ingestion
        value: { landing: "items/{businessDate:yyyy-MM-dd}/*", format: csv, maxRejectPercent: 100 }
    properties:
      - { name: id, logicalType: integer, required: true }
      - { name: mail, logicalType: string, required: true, classification: restricted, customProperties: [{ property: pii, value: { kind: email, action: tokenize } }], logicalTypeOptions: { pattern: ".+@.+" } }
      - name: colour
        logicalType: string
        logicalTypeOptions: { maxLength: 8, pattern: "[a-z]+" }
        quality:
          - { name: few_colours, metric: invalidValues, arguments: { validValues: [red, blue] }, mustBeLessThan: 50, unit: percent, severity: warning }
          - { name: no_gaps, metric: nullValues, mustBe: 0, severity: warning }
      - name: amount
        logicalType: number
        physicalType: decimal(9,2)
        logicalTypeOptions: { minimum: 0, maximum: 100 }
        quality:
          - { name: has_price, type: custom, engine: headgate, implementation: amount > 0, severity: warning }
    quality:
      - { name: enough, metric: rowCount, mustBeGreaterThan: 5, severity: warning }
      - { name: once, metric: duplicateValues, arguments: { properties: [id] }, mustBe: 0, severity: warning }
      - { name: spread, type: sql, query: "SELECT max(amount) - min(amount) FROM \${table}", mustBeLessThan: 10, severity: warning }
  - name: visits
    customProperties:
      - property: ingestion
        value: { landing: "visits/{businessDate:yyyy-MM-dd}/*", format: csv, arrivals: { timezone: Asia/Tokyo, days: daily } }
    properties:
      - { name: id, logicalType: integer }
`;
const MART = `-- purpose: items that nobody can pay
-- grain: id
-- parameters: none
-- zone: none
-- findings: shop/items where amount > 2
SELECT id, amount FROM shop.items WHERE amount > 1
`;

describe('the daily look', () => {
  const home = temporaryFolder('daily');
  let now = new Date('2026-02-10T12:00:00Z');
  const clock = { now: () => now };
  const notices: Notice[] = [];
  const notifier = {
    async notify(notice: Notice) {
      if (notice.kind === 'quality.digest') notices.push(notice);
    },
  };
  mkdirSync(join(home, 'contracts/shop'), { recursive: true });
  writeFileSync(join(home, 'contracts/shop/shop.odcs.yaml'), CONTRACT);
  const lake = openLake({ home: join(home, 'lake'), contracts: join(home, 'contracts'), notifier });
  const services = { ...lake, clock };
  const marts = [parseMart('sql/shop/dear.sql', MART)];
  const queryEngine = duckDbQueryEngine({
    catalog: lake.catalog,
    storeOf: () => lake.stores.lake,
    marts,
    ledgerTables: [],
  });
  const ports: DailyPorts = { ...services, queryEngine, findings: findingsOf(marts) };
  const [items, visits] = lake.datasets;
  const land = (key: string, text: string) => lake.landing.write(key, Buffer.from(text));
  const rows = (count: number, id: number) =>
    `id,mail,colour,amount\n${Array.from({ length: count }, (_, index) => `${id + index},a${index}@b.c,red,1.00\n`).join('')}`;
  const takeIn = async () => {
    const intake = { landing: lake.landing, raw: lake.stores.raw, ledger: lake.ledger, notifier };
    const place = { bucket: 'landing', own: true, route: router(lake.datasets) };
    const start = (dataset: string) => runStateMachine(services, dataset);
    const { failed } = await work({ services, ports: intake, start }, place);
    expect(failed).toEqual([]);
  };

  beforeAll(async () => {
    for (const day of [5, 6, 7, 8, 9]) await land(`items/2026-02-0${day}/a.csv`, rows(10, day * 100));
    await land('visits/2026-02-08/a.csv', 'id\n1\n');
    now = new Date('2026-02-09T12:00:00Z');
    await takeIn();
    const odd =
      '1000,x@y.z,green,0.00\n1000,x@y.z,green,50.00\n1001,x@y.z,,1.00\n1002,x@y.z,toolongacolour,1.00\n';
    await land('items/2026-02-10/a.csv', `${rows(30, 2000)}${odd}`);
    await land('items/2026-02-10/b.csv', '');
    now = new Date('2026-02-10T12:00:00Z');
    await takeIn();
  });

  test('acts once for each zone after its midnight, and tells once', async () => {
    now = new Date('2026-02-10T15:30:00Z');
    const first = await dailyLook(ports);
    expect(first.failed).toEqual([]);
    expect(first.entries.map(({ dataset, day }) => [dataset, day])).toEqual([
      ['shop/items', '2026-02-09'],
      ['shop/visits', '2026-02-10'],
    ]);
    expect(notices.map(({ title, facts }) => [title, Object.keys(facts)])).toEqual([
      // Marts are looked at as they are now.
      ['2026-02-09: 1 thing to look at', ['checks', 'shop/items']],
      ['2026-02-10 in Asia/Tokyo: 1 thing to look at', ['checks', 'shop/visits']],
    ]);
    now = new Date('2026-02-10T16:30:00Z');
    expect((await dailyLook(ports)).entries).toEqual([]);
    expect(notices).toHaveLength(2);
  });

  test('asks every rule again that the table can answer, and holds ledger and marts against it', async () => {
    now = new Date('2026-02-11T00:30:00Z');
    const { entries, failed } = await dailyLook(ports);
    expect(failed).toEqual([]);
    expect(entries.map(({ dataset }) => dataset)).toEqual(['shop/items']);
    const found = (entries[0]?.results ?? []).map(({ check, outcome, value }) => [check, outcome, value]);
    // 33 rows of 34: one colour is refused by the run.
    expect(found).toEqual([
      ['id.required', 'pass', 0],
      ['mail.required', 'pass', 0],
      ['colour.length', 'pass', 0],
      ['colour.pattern', 'pass', 0],
      ['rule.no_gaps', 'warn', 1],
      ['amount.range', 'pass', 0],
      ['rule.has_price', 'warn', 1],
      ['few_colours', 'pass', (100 * 2) / 33],
      ['enough', 'pass', 33],
      ['once', 'warn', 1],
      ['spread', 'warn', 50],
      ['reconciliation', 'pass', 0],
      ['volume', 'warn', 34],
      ['files.held', 'pass', 0],
      ['files.waiting', 'pass', 0],
      ['files.quarantined', 'warn', 1],
      ['mart.shop_marts.dear', 'warn', 1],
    ]);
    expect(notices.at(-1)).toMatchObject({
      kind: 'quality.digest',
      title: '2026-02-10: 7 things to look at',
      facts: {
        checks: 17,
        'shop/items':
          '1 of 33 rows written that day do not pass rule.no_gaps; 1 of 33 rows written that day do not pass rule.has_price; once is 1, expected eq 0, over the day; spread is 50, expected lt 10, over the day; 34 rows; usual are 10 a day; 1 file quarantined; 1 row in shop_marts.dear',
      },
    });
  });

  test('finds rows that the ledger does not know of', async () => {
    const partition = partitions.runs('shop/items');
    const [run] = await lake.ledger.query<RunEntry>({ partition, prefix: '20260210' });
    const fileId = run?.body.files[0] ?? '';
    const file = await lake.ledger.get<FileEntry>(partitions.files('shop/items'), fileId);
    const more = (body: RunEntry | FileEntry | undefined) => ({
      ...body,
      counts: { ...body?.counts, published: 34 },
    });
    await lake.ledger.transact([
      { kind: 'put', partition, sort: run?.sort ?? '', body: more(run?.body) },
      { kind: 'put', partition: partitions.files('shop/items'), sort: fileId, body: more(file?.body) },
    ]);
    const results = await dailyResults(ports, items as never, 'UTC', '2026-02-10');
    expect(results.find(({ check }) => check === 'reconciliation')).toMatchObject({
      outcome: 'fail',
      message: `the table holds 33 rows of run ${run?.sort}, the ledger says 34`,
    });
  });

  test('says what is missing of the dates that came due', async () => {
    const results = await dailyResults(ports, visits as never, 'Asia/Tokyo', '2026-02-10');
    expect(results.find(({ check }) => check === 'arrival')).toEqual({
      check: 'arrival',
      outcome: 'fail',
      value: 1,
      expected: '1 dates due',
      message: 'files of 2026-02-09 are missing (0 of 1 files)',
    });
  });

  test('does not look away where a query fails: what may pass is asked again, what may not is a result', async () => {
    now = new Date('2026-02-12T00:30:00Z');
    const busy = {
      query: () => Promise.reject(new TransientError('too many queries', { fault: 'headgate' })),
    };
    const before = notices.length;
    const first = await dailyLook({ ...ports, queryEngine: busy });
    expect(first.failed.map(({ what }) => what)).toEqual(['shop/items', 'shop/visits']);
    expect(notices).toHaveLength(before);
    const sql = "SELECT CAST('a name of ' || id AS integer) FROM shop.items";
    const broken = [{ mart: 'shop_marts.gone', dataset: 'shop/items', sql }];
    const second = await dailyLook({ ...ports, findings: broken });
    expect(second.entries[0]?.results.find(({ outcome }) => outcome === 'unknown')).toMatchObject({
      check: 'mart.shop_marts.gone',
      value: null,
      message: expect.stringContaining('shop_marts.gone'),
    });
    expect(JSON.stringify([second.entries, notices.slice(before)])).not.toContain('a name of');
    expect(notices).toHaveLength(before + 2);
  });
});
