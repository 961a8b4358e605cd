import { expect, test } from '@jest/globals';
import { temporaryFolder } from '../support/temporary.ts';
import { page, pollock } from './pollock.ts';

const folder = temporaryFolder('pollock');

test('polluted CSV is loaded or refused with reasons: no row is lost and no file crashes the run', async () => {
  // Every dimension; docs/benchmarks/pollock.md is the same with 84 rows.
  const result = await pollock(folder, 5);
  console.log(page(result, 5));
  expect(result.wrong).toEqual([]);
  expect(new Set(result.scores.map(({ dimension }) => dimension)).size).toBeGreaterThanOrEqual(16);
  for (const { dimension, contract, rows, right, changed, refused } of result.scores)
    expect({ dimension, contract, told: right + changed + refused }).toEqual({
      dimension,
      contract,
      told: rows,
    });
  const [clean] = result.scores;
  expect(clean).toMatchObject({ dimension: 'none', right: 5, refused: 0 });
}, 120_000);
