import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from '@jest/globals';
import { outcomeOf } from '../parity/outcome.ts';
import { temporaryFolder } from '../support/temporary.ts';

const folder = temporaryFolder('history');

const CONTRACT = `
kind: DataContract
apiVersion: v3.1.0
id: history
version: 1.0.0
status: active
domain: shop
schema:
  - name: customers
    customProperties:
      - property: ingestion
        value: { landing: 'shop/{businessDate:yyyy-MM-dd}/*.csv', format: csv, writeMode: scd2, dedupe: { keys: [id], orderBy: changed_on } }
    properties:
      - { name: id, logicalType: integer, required: true, primaryKey: true, primaryKeyPosition: 1 }
      - { name: segment, logicalType: string, partitioned: true, partitionKeyPosition: 1 }
      - name: phone
        logicalType: string
        classification: restricted
        customProperties: [{ property: pii, value: { kind: phone, action: tokenize } }]
      - { name: changed_on, logicalType: date, required: true }
`;

interface Row {
  readonly id: number;
  readonly segment: string | null;
  readonly phone: string | null;
  readonly changed_on: string;
  readonly day: string;
  readonly row: number;
}

/** Few keys, contents and dates: changes, confirmations, late versions and rivals of one date in every file. */
function madeUp(seed: number): readonly Row[] {
  let state = seed;
  const below = (bound: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return Math.floor((state / 2 ** 32) * bound);
  };
  const pick = <Value>(values: readonly Value[]): Value => values[below(values.length)] as Value;
  return Array.from({ length: 6 }, (_, file) =>
    Array.from({ length: 30 }, (_each, index) => ({
      id: 1 + below(8),
      segment: pick(['a', 'b', null]),
      phone: pick(['+31600000001', '+31600000002', null]),
      changed_on: `2026-01-${String(1 + below(20)).padStart(2, '0')}`,
      day: `2026-02-0${1 + file}`,
      row: index + 1,
    })),
  ).flat();
}

type Version = string;

/** The history by the words of the contract reference, from all rows at once. */
function expectedHistory(rows: readonly Row[]): readonly Version[] {
  const versions: (readonly unknown[])[] = [];
  for (const ofKey of Map.groupBy(rows, ({ id }) => id).values()) {
    const winners = new Map<string, Row>();
    for (const row of ofKey) {
      const rival = winners.get(row.changed_on);
      if (rival === undefined || row.day > rival.day || (row.day === rival.day && row.row > rival.row))
        winners.set(row.changed_on, row);
    }
    const inOrder = [...winners.values()].sort((a, b) => (a.changed_on < b.changed_on ? -1 : 1));
    const groups: Row[][] = [];
    for (const row of inOrder) {
      const before = groups.at(-1)?.[0];
      if (before !== undefined && before.segment === row.segment && before.phone === row.phone)
        groups.at(-1)?.push(row);
      else groups.push([row]);
    }
    for (const [index, [first, ...same]] of groups.entries()) {
      if (first === undefined) continue;
      const until = groups[index + 1]?.[0]?.changed_on ?? null;
      versions.push([
        ...[
          first.id,
          first.segment,
          first.phone,
          first.changed_on,
          until,
          until === null,
          first.day,
          first.row,
        ],
        same.map((each) => [each.changed_on, each.day, each.row]),
      ]);
    }
  }
  return versions.map((each) => JSON.stringify(each)).sort();
}

/** Rows of the table in the same words; tokens by the texts that they stand for. */
function storedHistory(table: readonly string[], rows: readonly Row[]): readonly Version[] {
  const phones = new Map<string, string>();
  const versions = table.map((text) => {
    const row = JSON.parse(text);
    const day = row._source_file.slice(0, 10);
    const sent = rows.find((each) => each.day === day && each.row === row._source_row);
    if (row.phone !== null && sent?.phone) phones.set(row.phone, sent.phone);
    const phone = row.phone === null ? null : phones.get(row.phone);
    const same = (row._confirmations ?? []).map((each: Record<string, string>) => [
      each.effective_from,
      each._source_file?.slice(0, 10),
      each._source_row,
    ]);
    const { id, segment, changed_on, effective_from, effective_to, is_current } = row;
    expect(changed_on).toBe(effective_from);
    return [id, segment, phone, effective_from, effective_to, is_current, day, row._source_row, same];
  });
  expect(new Set(phones.values()).size).toBe(phones.size);
  return versions.map((each) => JSON.stringify(each)).sort();
}

const csv = (rows: readonly Row[]): string =>
  [
    'id,segment,phone,changed_on',
    ...rows.map(
      ({ id, segment, phone, changed_on }) => `${id},${segment ?? ''},${phone ?? ''},${changed_on}`,
    ),
    '',
  ].join('\n');

const SEED = Number(process.env.HEADGATE_HISTORY_SEED ?? 20_261_121);
const DAYS = ['2026-02-01', '2026-02-02', '2026-02-03', '2026-02-04', '2026-02-05', '2026-02-06'];
const [first = '', second = '', third = '', fourth = '', fifth = '', sixth = ''] = DAYS;

test.each([
  ['at once', [DAYS], []],
  ['one after the other', DAYS.map((day) => [day]), []],
  ['newest first', [...DAYS].reverse().map((day) => [day]), []],
  [
    'late ones after others, and two of them replayed',
    [[second, fifth], [first, sixth], [fourth], [third]],
    [second, fourth],
  ],
])('the history is the same whatever batches its files come in: %s', async (name, batches, replays) => {
  const rows = madeUp(SEED);
  const home = join(folder, name.replaceAll(/\W+/g, '-'));
  const write = (path: string, text: string) => {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  };
  write(join(home, 'contracts/customers.odcs.yaml'), CONTRACT);
  const landings = batches.map((days, index) => {
    for (const day of days)
      write(join(home, `landing-${index}`, 'shop', day, 'a.csv'), csv(rows.filter((row) => row.day === day)));
    return join(home, `landing-${index}`);
  });
  const { tables, problems, files } = await outcomeOf({
    home: join(home, 'lake'),
    contracts: join(home, 'contracts'),
    landings,
    replays: replays.map((day) => `shop/${day}/a.csv`),
    engine: 'duckdb',
    spark: () => Promise.reject(new Error('not here')),
  });
  expect(problems).toEqual([]);
  expect(files).toHaveLength(6);
  const stored = storedHistory(tables['shop.customers'] ?? [], rows);
  expect(stored.length).toBeGreaterThan(60);
  expect(stored).toEqual(expectedHistory(rows));
});
