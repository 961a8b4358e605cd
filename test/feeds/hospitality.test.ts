import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { duckDbQueryEngine } from '../../lib/adapters/local/duckdb-query-engine.ts';
import { openLake } from '../../lib/adapters/local/lake.ts';
import { runStateMachine } from '../../lib/adapters/local/state-machine.ts';
import { arrivalsOf, tellOfMissing } from '../../lib/arrivals/arrivals.ts';
import { router } from '../../lib/intake/route.ts';
import { datasetOf } from '../../lib/pipeline/context.ts';
import { work } from '../../lib/pipeline/work.ts';
import type { Notice } from '../../lib/ports/notifier.ts';
import { ledgerTables } from '../../lib/reports/ledger-tables.ts';
import { loadTable, shapeOf } from '../../lib/table/table.ts';
import { marts, ROOT } from '../support/headgate.ts';
import { describeWithPython } from '../support/judge.ts';
import { temporaryFolder } from '../support/temporary.ts';

/**
 * Counted by test/feeds/hospitality/count_samples.py with Python's csv and json, openpyxl and lxml, which the last test runs; those of
 * findings also by hand from the list of traps in make_samples.py.
 */
const COUNTED = {
  received: {
    'folios/2026-03-01.json': 30,
    'folios/2026-03-02.json': 2,
    'reservations/harbour/2026-03-01.csv': 42,
    'reservations/harbour/2026-03-02.csv': 10,
    'reservations/meadow/2026-03-01.xlsx': 20,
    'reservations/summit/2026-03-01.xml': 15,
    'reservations/summit/2026-03-02.xml': 3,
  },
  refused: {
    'folios/2026-03-01.json': 1,
    'folios/2026-03-02.json': 0,
    'reservations/harbour/2026-03-01.csv': 4,
    'reservations/harbour/2026-03-02.csv': 0,
    'reservations/meadow/2026-03-01.xlsx': 2,
    'reservations/summit/2026-03-01.xml': 2,
    'reservations/summit/2026-03-02.xml': 0,
  },
  reservations: 79,
  folios: 30,
  keys: { exact: 21, misaligned: 3, null: 3, unknown: 3 },
  findings: {
    amount_differs: 1,
    currency_differs: 1,
    folio_without_reservation: 6,
    matched: 21,
    reservation_without_folio: 56,
  },
  difference: '-0.01',
  stray: '419.00',
} as const;

const SAMPLES = join(ROOT, 'samples/hospitality');

describe('the hospitality feed over two days', () => {
  const home = join(temporaryFolder('hospitality'), 'lake');
  const notices: Notice[] = [];
  let now = new Date(0);
  const lake = {
    ...openLake({
      home,
      contracts: join(ROOT, 'contracts'),
      notifier: { notify: async (notice) => void notices.push(notice) },
    }),
    clock: { now: () => now },
  };
  const { query } = duckDbQueryEngine({
    catalog: lake.catalog,
    storeOf: () => lake.stores.lake,
    marts: marts(),
    ledgerTables: ledgerTables(lake),
  });
  const ask = async (sql: string) => (await query(sql)).rows;
  const schema = async () => {
    const ports = { catalog: lake.catalog, store: lake.stores.lake };
    const table = await loadTable(ports, { database: 'hospitality', name: 'reservations' });
    return new Map(table && shapeOf(table.metadata).schema.map(({ name, id }) => [name, id]));
  };
  let before: ReadonlyMap<string, number>;

  /** What a day's systems have sent is taken in at one moment. */
  const day = async (date: string, at: string) => {
    now = new Date(at);
    cpSync(SAMPLES, join(home, 'landing/hospitality'), {
      recursive: true,
      filter: (path) => !path.includes('.') || path.includes(date),
    });
    const { landing, ledger, notifier, stores } = lake;
    await work(
      {
        services: lake,
        ports: { landing, raw: stores.raw, ledger, notifier },
        start: (dataset) => runStateMachine(lake, dataset),
      },
      { bucket: 'landing', own: true, route: router(lake.datasets) },
    );
  };

  beforeAll(async () => {
    await day('2026-03-01', '2026-03-02T04:45:00Z');
    before = await schema();
    await day('2026-03-02', '2026-03-03T04:30:00Z');
  }, 120_000);

  test('every row of every system is received once, and refused ones are the counted ones', async () => {
    const files = await ask('SELECT key, received, quarantined, state FROM headgate.files ORDER BY key');
    const names = Object.keys(COUNTED.received) as (keyof typeof COUNTED.received)[];
    expect(files).toEqual(
      names.map((name) => [
        `hospitality/${name}`,
        String(COUNTED.received[name]),
        String(COUNTED.refused[name]),
        'published',
      ]),
    );
    expect(
      await ask(
        'SELECT count(*) FROM headgate.files WHERE received <> published + quarantined + deduplicated',
      ),
    ).toEqual([['0']]);
    expect(
      await ask(
        "SELECT count(*) FROM hospitality_quarantine.reservations WHERE CAST(_reasons AS varchar) LIKE '%record.formula%'",
      ),
    ).toEqual([['1']]);
  });

  test('three formats of three systems are one table with one row per reservation', async () => {
    expect(
      await ask(
        'SELECT hotel_code, count(*), count(DISTINCT reservation_id), bool_and(status = upper(status)) FROM hospitality.reservations GROUP BY 1 ORDER BY 1',
      ),
    ).toEqual([
      ['HAR', '45', '45', 'true'],
      ['MEA', '18', '18', 'true'],
      ['SUM', '16', '16', 'true'],
    ]);
    // 09:15 in Amsterdam in winter, typed as a date by the workbook and as text by the others.
    expect(
      await ask(
        "SELECT reservation_id, arrival, updated_at FROM hospitality.reservations WHERE reservation_id IN ('HAR-1017', 'MEA-2001', 'SUM-3009') ORDER BY 1",
      ),
    ).toEqual([
      ['HAR-1017', '2026-03-10', '2026-02-28 08:15:00'],
      ['MEA-2001', '2026-03-14', '2026-02-28 08:15:00'],
      ['SUM-3009', '2026-03-14', '2026-02-28 08:15:00'],
    ]);
  });

  test('reconciliation loses nothing: every reservation and every folio is in it once', async () => {
    expect(
      await ask(
        'SELECT count(reservation_id), sum(folios), sum(misaligned_keys), sum(null_keys) FROM hospitality_marts.reservation_folio_reconciliation',
      ),
    ).toEqual([
      [COUNTED.reservations, COUNTED.folios, COUNTED.keys.misaligned, COUNTED.keys.null].map(String),
    ]);
    expect(
      await ask(
        'SELECT finding, count(*) FROM hospitality_marts.reservation_folio_reconciliation GROUP BY 1 ORDER BY 1',
      ),
    ).toEqual(Object.entries(COUNTED.findings).map(([finding, count]) => [finding, String(count)]));
    expect(
      await ask(
        "SELECT sum(difference), sum(CASE WHEN finding = 'folio_without_reservation' THEN charged END) FROM hospitality_marts.reservation_folio_reconciliation",
      ),
    ).toEqual([[COUNTED.difference, COUNTED.stray]]);
  });

  test('the second day’s new column is in the table under a new id, protected, and the owner knows which file brought it', async () => {
    expect(
      await ask(
        "SELECT count(*), count(loyalty_tier), count(DISTINCT loyalty_tier), count(guest_email) FROM hospitality.reservations WHERE _source_file LIKE '2026-03-02%' AND hotel_code = 'HAR'",
      ),
    ).toEqual([['10', '6', '2', '10']]);
    expect(
      await ask("SELECT count(*) FROM hospitality.reservations WHERE loyalty_tier LIKE '%old%'"),
    ).toEqual([['0']]);
    const after = await schema();
    for (const [name, id] of before) expect([name, after.get(name)]).toEqual([name, id]);
    expect([...after.keys()].filter((name) => !before.has(name))).toEqual(['loyalty_tier']);
    expect(after.get('loyalty_tier')).toBe(Math.max(...before.values()) + 1);
    expect(await ask('SELECT column_name, effect, key FROM headgate.schema_changes')).toEqual([
      ['loyalty_tier', 'added', 'hospitality/reservations/harbour/2026-03-02.csv'],
    ]);
    const told = notices.filter(({ kind }) => kind === 'schema.changed');
    expect(told.map(({ facts }) => [facts.owner, facts.columns, facts.key])).toEqual([
      ['hospitality.data', 'loyalty_tier', 'hospitality/reservations/harbour/2026-03-02.csv'],
    ]);
  });

  test('the report of the first day met 06:00 in Amsterdam with 15 minutes; that of the second waits for a hotel', async () => {
    expect(
      await ask(
        'SELECT business_date, verdict, margin_minutes, waited_for, inputs_missing, deadline FROM hospitality_marts.report_readiness WHERE inputs_missing = 0',
      ),
    ).toEqual([['2026-03-01', 'met', '15', expect.any(String), '0', '2026-03-02 05:00:00']]);
    expect(
      await ask(
        'SELECT business_date, verdict, waited_for, inputs_missing, ready_at FROM hospitality_marts.report_readiness WHERE inputs_missing > 0',
      ),
    ).toEqual([['2026-03-02', 'missed', 'reservations of meadow', '1', null]]);
  });

  test('a hotel that sends nothing is missing at 06:00 in Amsterdam, whatever the others sent; a day without any file is no gap in the report', async () => {
    const reservations = datasetOf(lake, 'hospitality/reservations');
    const arrivalsAt = async (at: string) => {
      now = new Date(at);
      const arrivals = await arrivalsOf(lake, reservations, 3);
      return arrivals.map(({ date, state, files, expected, lacks }) => [date, state, files, expected, lacks]);
    };
    const meadow = 'hospitality/reservations/meadow/{businessDate:yyyy-MM-dd}.xlsx: 0 of 1 files';
    expect(await arrivalsAt('2026-03-03T04:59:00Z')).toEqual([
      // Copied now, so long after it was due.
      ['2026-03-01', 'late', 3, 3, ''],
      ['2026-03-02', 'due', 2, 3, meadow],
      ['2026-03-03', 'due', 0, 3, expect.any(String)],
    ]);
    expect(await tellOfMissing(lake, reservations)).toEqual([]);
    expect((await arrivalsAt('2026-03-03T05:00:00Z'))[1]).toEqual(['2026-03-02', 'incomplete', 2, 3, meadow]);
    expect(await tellOfMissing(lake, reservations)).toEqual(['2026-03-02']);
    expect(notices.at(-1)?.facts.reason).toBe(meadow);
    now = new Date('2026-03-04T05:00:00Z');
    expect(
      await ask(
        'SELECT business_date, verdict, inputs_missing FROM hospitality_marts.report_readiness ORDER BY 1',
      ),
    ).toEqual([
      ['2026-03-01', 'met', '0'],
      ['2026-03-02', 'missed', '1'],
      ['2026-03-03', 'missed', '4'],
    ]);
    const calendar = { timezone: 'Europe/Amsterdam', days: 'daily', holidays: [], lagDays: 20 } as const;
    now = new Date('2026-03-23T05:00:00Z');
    expect(await tellOfMissing(lake, { ...reservations, arrivals: calendar })).toEqual(['2026-03-03']);
  });
});

describeWithPython('formats', 'another program', (python) => {
  test('counts the same in the samples', async () => {
    const script = join(import.meta.dirname, 'hospitality/count_samples.py');
    expect(await python.json(script, SAMPLES)).toEqual(COUNTED);
  });
});
