import { describe, expect, test } from '@jest/globals';
import type { ColumnFacts } from '../../lib/reports/column-facts.ts';
import { compareRuns, type RunFacts } from '../../lib/reports/compare-runs.ts';

interface Known {
  readonly partitions?: Readonly<Record<string, number>>;
  readonly failing?: Readonly<Record<string, number>>;
  readonly types?: Readonly<Record<string, string>>;
  readonly seconds?: Readonly<Record<string, number>>;
  readonly columns?: Readonly<Record<string, ColumnFacts>>;
  readonly headers?: readonly (readonly string[])[];
  readonly quarantined?: number;
}

/** A run of 1,000 rows, of which only what is compared is made up. */
const facts = ({ quarantined = 0, headers = [['id']], ...known }: Known): RunFacts =>
  ({
    run: {
      dataset: 'shop/items',
      state: 'published',
      startedAt: '2026-01-31T10:00:00Z',
      updatedAt: '2026-01-31T10:00:10Z',
      reasons: [],
      counts: { received: 1000, published: 1000 - quarantined, quarantined, deduplicated: 0 },
      seconds: known.seconds ?? {},
    },
    files: headers.map((fields) => ({ fields, bytes: 10 })),
    plan: {
      outputs: [
        {
          name: 'curated',
          schema: Object.entries(known.types ?? {}).map(([name, type]) => ({ name, type })),
        },
      ],
    },
    result: {
      tallies: [{ parsed: 1000, checks: known.failing ?? {} }],
      batch: {},
      outputs: [
        {
          name: 'curated',
          files: Object.entries(known.partitions ?? {}).map(([key, rows]) => ({ partition: [key], rows })),
        },
      ],
    },
    columns: known.columns,
  }) as unknown as RunFacts;

const differences = (good: Known, bad: Known) =>
  compareRuns(facts(good), facts(bad)).map(({ area, what, good: was, bad: is }) => [area, what, was, is]);

const column = (nulls: number, more: Partial<ColumnFacts> = {}): ColumnFacts => ({
  rows: 1000,
  nulls,
  distinct: 1000 - nulls,
  ...more,
});

describe('in what two runs differ', () => {
  test('nothing, where they are alike', () => {
    const one: Known = {
      partitions: { '2026-01-31': 1000 },
      types: { id: 'long' },
      columns: { id: column(0) },
    };
    expect(differences(one, one)).toEqual([]);
  });

  test('types of the table, and names of the files', () => {
    expect(
      differences(
        { types: { id: 'int' }, headers: [['id', 'name']] },
        { types: { id: 'long', name: 'string' }, headers: [['id'], ['id', 'name']] },
      ),
    ).toEqual([
      ['schema', 'type of id', '"int"', '"long"'],
      ['schema', 'type of name', null, '"string"'],
      ['schema', 'fields of the files', 'id,name', 'id | id,name'],
      ['files', 'files', 1, 2],
      ['files', 'bytes', 10, 20],
    ]);
  });

  test('shares of refused rows, of rows that fail a check, and of nulls: what grew most first', () => {
    expect(
      differences(
        { failing: { 'id.required': 10 }, columns: { id: column(0), name: column(100) } },
        { quarantined: 500, failing: { 'id.required': 300 }, columns: { id: column(0), name: column(150) } },
      ),
    ).toEqual([
      ['counts', 'quarantined', '0.00 %', '50.00 %'],
      ['checks', 'rows failing id.required', '1.00 %', '30.00 %'],
      ['columns', 'null in name', '10.00 %', '15.00 %'],
    ]);
  });

  test('rows by partition: one that is gone comes first, however many others changed a little and whatever its name', () => {
    const days = Array.from({ length: 28 }, (_, day) => `2026-02-${String(day + 1).padStart(2, '0')}`);
    const rows = (count: number) => Object.fromEntries(days.map((day) => [day, count]));
    const { '2026-02-28': _gone, ...left } = rows(101);
    const found = differences({ partitions: rows(100) }, { partitions: left });
    expect(found[0]).toEqual(['partitions', 'rows of 2026-02-28', 100, null]);
    expect(found).toHaveLength(20);
  });

  test('seconds of a stage that took half as long again, but not of one that is quick', () => {
    expect(
      differences({ seconds: { execute: 4, plan: 0.01 } }, { seconds: { execute: 40, plan: 0.9 } }),
    ).toEqual([['durations', 'seconds of execute', 4, 40]]);
  });
});
