import { describe, expect, test } from '@jest/globals';
import { exponent, median, rise } from '../../bench/measure.ts';
import { missed, resultOf } from '../../bench/results.ts';
import { type Bench, takeAll } from '../../bench/scenarios/scenario.ts';

const result = (figures: readonly number[], target: { most?: number; least?: number }) =>
  resultOf('scenario', 'what', figures, 'times', target);

describe('what a benchmark says', () => {
  test('the exponent is that of the power law', () => {
    const points = [10, 100, 1000].map((x) => [x, 3 * x ** 1.5] as const);
    expect(exponent(points)).toBeCloseTo(1.5, 10);
    expect(exponent(points.map(([x]) => [x, 7] as const))).toBeCloseTo(0, 10);
  });

  test('what grows all the time rises, what has grown at the start or once in between does not', () => {
    const minutes = Array.from({ length: 30 }, (_, minute) => minute);
    expect(rise(minutes.map((minute) => [minute, 200 + 10 * minute]))).toBeCloseTo(490 / 300, 10);
    expect(rise(minutes.map((minute) => [minute, Math.min(200 + 15 * minute, 340)]))).toBeCloseTo(1, 10);
    expect(rise(minutes.map((minute) => [minute, minute === 27 ? 1.19 : 0.05]))).toBeCloseTo(1, 10);
    expect(rise([])).toBeNaN();
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

  test('a run that failed does not hide those that did not', () => {
    expect(result([3, Number.NaN, 1, 2], {})).toMatchObject({ min: 1, median: 2, max: 3 });
  });

  test('a scenario that fails leaves the others alone, and what is measured is written after each', () => {
    const said: string[] = [];
    const scenario = (title: string, wrong?: string) => ({
      title,
      run() {
        if (wrong !== undefined) throw new Error(wrong);
        said.push(title);
      },
    });
    takeAll([scenario('one', 'broken'), scenario('two')], {
      benchOf: () => ({}) as Bench,
      fail: (why, error) => said.push(`${why}: ${(error as Error).message}`),
      done: (remaining) => said.push(`written before ${remaining.length}`),
    });
    expect(said).toEqual(['one: stopped half-way: broken', 'written before 1', 'two', 'written before 0']);
  });

  test('a part that gave no figure has missed', () => {
    expect(missed([result([Number.NaN], { most: 1 })])).toEqual([
      'scenario: what has no figure, target at most 1',
    ]);
  });
});
