import { createHash } from 'node:crypto';
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { duckDbQueryEngine } from '../../lib/adapters/local/duckdb-query-engine.ts';
import { type Lake, openLake } from '../../lib/adapters/local/lake.ts';
import { runStateMachine } from '../../lib/adapters/local/state-machine.ts';
import { type Arrival, arrivalsOf } from '../../lib/arrivals/arrivals.ts';
import { router } from '../../lib/intake/route.ts';
import type { FileEntry, RunEntry } from '../../lib/ledger/entries.ts';
import { datasetOf } from '../../lib/pipeline/context.ts';
import { releaseHold } from '../../lib/pipeline/holds.ts';
import { sweep } from '../../lib/pipeline/sweep.ts';
import type { Notice } from '../../lib/ports/notifier.ts';
import { allFiles, allRuns, ledgerTables } from '../../lib/reports/ledger-tables.ts';
import { headgate, json } from '../support/headgate.ts';
import { temporaryFolder } from '../support/temporary.ts';

const contracts = join(import.meta.dirname, 'sets-and-arrivals');
const home = join(temporaryFolder('arrivals'), 'lake');

/** One lake through ten days of March 2026: a clock that is moved by hand, and the sweep that a stage does every minute. */
let now = new Date('2026-03-23T12:00:00Z');
const notices: Notice[] = [];
const lake: Lake = {
  ...openLake({ home, contracts, notifier: { notify: async (notice) => void notices.push(notice) } }),
  clock: { now: () => now },
};

function land(key: string, at: string, text: string): void {
  const file = join(lake.landing.root, key);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  utimesSync(file, new Date(at), new Date(at));
}

const rows = (count: number, status = 'paid'): string =>
  `id,status,amount\n${Array.from({ length: count }, (_, id) => `${id},${status},${id % 7}.50\n`).join('')}`;
const sumLine = (name: string, text: string): string =>
  `${createHash('sha256').update(text).digest('hex')}  ${name}\n`;

/** Moves the clock and sweeps; what people were told of meanwhile, published runs left out. */
async function sweepAt(at: string): Promise<readonly string[]> {
  now = new Date(at);
  const told = notices.length;
  const ports = { landing: lake.landing, raw: lake.stores.raw, ledger: lake.ledger, notifier: lake.notifier };
  const place = { bucket: 'landing', own: true, route: router(lake.datasets) };
  const start = (dataset: string) => runStateMachine(lake, dataset);
  const { failed } = await sweep({ services: lake, ports, start }, place);
  expect(failed).toEqual([]);
  return notices
    .slice(told)
    .filter(({ kind }) => kind !== 'run.published')
    .map(({ kind, facts }) => `${kind} ${facts.date ?? facts.set ?? ''}`.trim());
}

const arrivals = async (dataset: string, days: number): Promise<Readonly<Record<string, Arrival>>> =>
  Object.fromEntries(
    (await arrivalsOf(lake, datasetOf(lake, dataset), days)).map((arrival) => [arrival.date, arrival]),
  );

async function files(date: string): Promise<readonly string[]> {
  const found: FileEntry[] = [];
  for await (const file of allFiles(lake.ledger)) if (file.key.includes(`items/${date}`)) found.push(file);
  return found
    .map(({ key, state, reasons }) =>
      `${key.split('/').at(-1)} ${state} ${reasons.map(({ code }) => code).join()}`.trim(),
    )
    .sort();
}

async function runs(dataset: string): Promise<readonly RunEntry[]> {
  const found: RunEntry[] = [];
  for await (const run of allRuns(lake.ledger)) if (run.dataset === dataset) found.push(run);
  return found;
}

const queryEngine = duckDbQueryEngine({
  catalog: lake.catalog,
  storeOf: () => lake.stores.lake,
  marts: [],
  ledgerTables: ledgerTables(lake),
});
const count = async (sql: string) => (await queryEngine.query(sql)).rows[0]?.[0];

describe('file sets and arrivals, over ten days', () => {
  const A = rows(3);
  const B = rows(4);

  beforeAll(async () => {
    // Mondays before, of which the fifth can be judged: four comparable ones came before it.
    for (const [date, n] of [
      ['02-23', 101],
      ['03-02', 96],
      ['03-09', 104],
      ['03-16', 100],
    ] as const)
      land(`shop/sales/2026-${date}.csv`, `2026-${date}T20:00:00Z`, rows(n));
    await sweepAt('2026-03-23T12:00:00Z');
  });

  test('a set is taken in when it is whole, whichever file comes last, and counts as arrived', async () => {
    land('shop/items/2026-03-27/b.csv', '2026-03-27T22:00:00Z', B);
    land(
      'shop/items/2026-03-27/manifest.txt',
      '2026-03-27T22:01:00Z',
      sumLine('a.csv', A) + sumLine('b.csv', B),
    );
    // Silence of the days before, of both feeds; what was due before anybody looked is not told of.
    const silent = ['23', '24', '25', '26', '23'].map((day) => `arrival.missing 2026-03-${day}`);
    expect(await sweepAt('2026-03-27T23:00:00Z')).toEqual(silent);
    expect(await files('2026-03-27')).toEqual(['b.csv admitted file.incomplete_set', 'manifest.txt control']);
    expect((await arrivals('shop/items', 1))['2026-03-27']).toMatchObject({
      state: 'due',
      files: 1,
      lacks: 'waits for a.csv',
    });
    // A first version of the member with other bytes is refused by its hash; the right one completes the set.
    land('shop/items/2026-03-27/a.csv', '2026-03-27T23:30:00Z', rows(2));
    expect(await sweepAt('2026-03-27T23:40:00Z')).toEqual(['file.quarantined 2026-03-27']);
    expect(await files('2026-03-27')).toEqual([
      'a.csv quarantined file.control_total',
      'b.csv quarantined file.set_refused',
      'manifest.txt control',
    ]);
    expect(await count('SELECT count(*) FROM shop.items')).toBe('0');
    land('shop/items/2026-03-27/a.csv', '2026-03-27T23:50:00Z', A);
    expect(await sweepAt('2026-03-28T00:00:00Z')).toEqual([]);
    expect(await count('SELECT count(*) FROM shop.items')).toBe('7');
    expect((await arrivals('shop/items', 1))['2026-03-27']).toMatchObject({
      state: 'arrived',
      due: new Date('2026-03-28T01:30:00Z'),
      arrivedAt: new Date('2026-03-27T23:50:00Z'),
      rows: 7,
    });
    expect(await runs('shop/items')).toHaveLength(1);
  });

  test('a time that the clocks leave out is due an hour later; silence is told of once', async () => {
    land('shop/items/2026-03-28/a.csv', '2026-03-28T23:00:00Z', rows(5));
    land('shop/items/2026-03-28/manifest.txt', '2026-03-28T23:00:00Z', 'a.csv\nb.csv\n');
    expect(await sweepAt('2026-03-29T01:29:00Z')).toEqual([]);
    expect((await arrivals('shop/items', 2))['2026-03-28']).toMatchObject({
      state: 'due',
      due: new Date('2026-03-29T01:30:00Z'),
    });
    expect(await sweepAt('2026-03-29T01:31:00Z')).toEqual(['arrival.missing 2026-03-28']);
    expect(await sweepAt('2026-03-29T01:32:00Z')).toEqual([]);
    expect((await arrivals('shop/items', 2))['2026-03-28']).toMatchObject({
      state: 'incomplete',
      lacks: 'waits for b.csv',
    });
  });

  test('an incomplete set is told of once after its deadline, waits, and is completed by a late member', async () => {
    expect(await sweepAt('2026-03-29T18:59:00Z')).toEqual([]);
    expect(await sweepAt('2026-03-29T19:01:00Z')).toEqual(['set.incomplete 2026-03-28']);
    expect(await sweepAt('2026-03-29T19:02:00Z')).toEqual([]);
    expect(await files('2026-03-28')).toEqual(['a.csv admitted file.incomplete_set', 'manifest.txt control']);
    land('shop/items/2026-03-28/b.csv', '2026-03-30T06:00:00Z', rows(6));
    expect(await sweepAt('2026-03-30T06:10:00Z')).toEqual([]);
    expect(await files('2026-03-28')).toEqual(['a.csv published', 'b.csv published', 'manifest.txt control']);
    const known = await arrivals('shop/items', 3);
    expect(known['2026-03-28']).toMatchObject({ state: 'late', rows: 11 });
    expect(Object.keys(known)).toEqual(['2026-03-27', '2026-03-28', '2026-03-30']);
  });

  test('a volume far from that of comparable days is held, and let through by a person', async () => {
    const [first] = await runs('shop/sales');
    expect(first?.reasons).toEqual([
      {
        code: 'batch.volume_unknown',
        message: '4 dates from 2026-02-23 to 2026-03-16: fewer than 4 comparable arrivals; nothing is judged',
      },
    ]);
    land('shop/sales/2026-03-23.csv', '2026-03-30T20:00:00Z', rows(109));
    land('shop/sales/2026-03-30.csv', '2026-03-30T20:01:00Z', rows(420, 'refunded'));
    const told = await sweepAt('2026-03-30T21:00:00Z');
    expect(told).toEqual(['run.held']);
    const held = (await runs('shop/sales')).find(({ state }) => state === 'held') as RunEntry;
    expect(held.reasons).toEqual([
      {
        code: 'batch.volume',
        message:
          '2026-03-30: too many rows: 420, usual are 71 to 131 (median 101 of the last 5 comparable arrivals)',
      },
    ]);
    expect(await count('SELECT count(*) FROM shop.sales')).toBe('401');
    await releaseHold(lake, held, 'a person');
    await sweepAt('2026-03-30T21:10:00Z');
    expect(await count('SELECT count(*) FROM shop.sales')).toBe('930');
  });

  test('the table of arrivals is asked with SQL', async () => {
    const sql =
      "SELECT date, state, due_at, received FROM headgate.arrivals WHERE dataset = 'shop/sales' ORDER BY date";
    expect((await queryEngine.query(sql)).rows).toEqual([
      ['2026-02-23', 'arrived', '2026-02-24 01:30:00', '101'],
      ['2026-03-02', 'arrived', '2026-03-03 01:30:00', '96'],
      ['2026-03-09', 'arrived', '2026-03-10 01:30:00', '104'],
      ['2026-03-16', 'arrived', '2026-03-17 01:30:00', '100'],
      ['2026-03-23', 'late', '2026-03-24 01:30:00', '109'],
      ['2026-03-30', 'arrived', '2026-03-31 00:30:00', '420'],
    ]);
  });

  test('the command line shows arrivals by its own clock, and what two runs differ in', async () => {
    const command = (...args: readonly string[]) =>
      headgate(['--home', home, '--contracts', contracts, ...args]);
    const shown = await command('arrivals', '--dataset', 'shop/items', '--days', '9999', '--json');
    expect(shown.code).toBe(3);
    const late = json<Record<string, unknown>[]>(shown).filter(({ state }) => state === 'late');
    expect(late).toEqual([
      {
        dataset: 'shop/items',
        date: '2026-03-28',
        state: 'late',
        due: '2026-03-29T01:30:00.000Z',
        arrived: '2026-03-30T06:00:00.000Z',
        files: 2,
        expected: null,
        received: 11,
        lacks: '',
      },
    ]);
    const [good, , bad] = await runs('shop/sales');
    const differences = json<{ area: string; what: string; good: unknown; bad: unknown }[]>(
      await command('runs', 'compare', good?.runId ?? '', bad?.runId ?? '', '--json'),
    );
    expect(differences[0]).toMatchObject({ area: 'outcome', what: 'reasons' });
    expect(differences).toContainEqual(
      expect.objectContaining({
        area: 'columns',
        what: 'distribution of status',
        good: 'paid 100.00 %',
        bad: 'refunded 79.40 %, paid 20.60 %',
      }),
    );
    expect(differences).toContainEqual(
      expect.objectContaining({ area: 'counts', what: 'received', good: 401, bad: 529 }),
    );
  });
});
