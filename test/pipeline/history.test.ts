import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { outcomeOf } from '../parity/outcome.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { fileOfDay, historyRows, layHistory, type HistoryRow as Row } from './history-files.ts';

const folder = temporaryFolder('history');

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
  const rows = historyRows(SEED);
  const home = join(folder, name.replaceAll(/\W+/g, '-'));
  const place = layHistory(home, rows, batches);
  const { tables, problems, files } = await outcomeOf({
    home: join(home, 'lake'),
    ...place,
    replays: replays.map(fileOfDay),
    engine: 'duckdb',
    spark: () => Promise.reject(new Error('not here')),
  });
  expect(problems).toEqual([]);
  expect(files).toHaveLength(6);
  const stored = storedHistory(tables['shop.customers'] ?? [], rows);
  expect(stored.length).toBeGreaterThan(60);
  expect(stored).toEqual(expectedHistory(rows));
});
