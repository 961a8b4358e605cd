import { expect, test } from '@jest/globals';
import { type DayVolume, judge } from '../../lib/quality/volume.ts';

const rule = { onAnomaly: 'hold', tolerance: 3, fewest: 4 } as const;
const days = (rows: readonly number[], files = 1): readonly DayVolume[] =>
  rows.map((each) => ({ rows: each, files }));
const kindOf = (rows: number, before: readonly DayVolume[], files = 1) =>
  judge(rule, '2026-01-31', { rows, files }, before).map(({ kind }) => kind);

test.each([
  ['as usual', 100, days([90, 100, 110, 100]), []],
  ['fewer arrivals than are needed', 9_999, days([90, 100, 110]), ['unknown']],
  ['far too many', 1_000, days([90, 100, 110, 100]), ['unusual']],
  ['far too few', 10, days([90, 100, 110, 100]), ['unusual']],
  ['one row more where every day had the same', 1_001, days([1_000, 1_000, 1_000, 1_000]), []],
  ['volumes that vary have more room', 200, days([50, 100, 150, 100, 20, 180]), []],
  ['one wild day before does not move the median', 1_000, days([90, 100, 110, 100, 50_000]), ['unusual']],
  ['nothing came and nothing ever does', 0, days([0, 0, 0, 0]), []],
  ['rows where there never were any', 1, days([0, 0, 0, 0]), ['unusual']],
])('%s: %d rows', (_name, rows, before, expected) => {
  expect(kindOf(rows, before)).toEqual(expected);
});

test('too few rows are judged once as many files are there as usual; too many at once', () => {
  const before = days([300, 300, 300, 300], 3);
  expect(kindOf(100, before, 1)).toEqual([]);
  expect(kindOf(100, before, 3)).toEqual(['unusual']);
  expect(kindOf(900, before, 1)).toEqual(['unusual']);
});
