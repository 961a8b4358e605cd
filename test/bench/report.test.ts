import { describe, expect, test } from '@jest/globals';
import { exponent, median } from '../../bench/measure.ts';
import { missed, resultOf } from '../../bench/results.ts';

const result = (figures: readonly number[], target: { most?: number; least?: number }) =>
  resultOf('scenario', 'what', figures, 'times', target);

describe('what a benchmark says', () => {
  test('the exponent is that of the power law', () => {
    const points = [10, 100, 1000].map((x) => [x, 3 * x ** 1.5] as const);
    expect(exponent(points)).toBeCloseTo(1.5, 10);
    expect(exponent(points.map(([x]) => [x, 7] as const))).toBeCloseTo(0, 10);
  });

  test('the median is the middle one', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(result([3, 1, 2], {})).toMatchObject({ min: 1, median: 2, max: 3 });
  });

  test('a target is missed on either side, and by how much is said', () => {
    expect(missed([result([1.5], { most: 1.5 }), result([12], { least: 12 })])).toEqual([]);
    expect(missed([result([1.8], { most: 1.5 })])).toEqual([
      'scenario: what is 1.8 times, target at most 1.5: missed by 20 percent',
    ]);
    expect(missed([result([9], { least: 12 })])).toEqual([
      'scenario: what is 9 times, target at least 12: missed by 25 percent',
    ]);
  });

  test('a part that gave no figure has missed', () => {
    expect(missed([result([Number.NaN], { most: 1 })])).toEqual([
      'scenario: what has no figure, target at most 1',
    ]);
  });
});
