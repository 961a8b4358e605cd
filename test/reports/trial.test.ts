import { expect, test } from '@jest/globals';
import { parseMart } from '../../lib/reports/marts.ts';
import { tryMarts } from '../../lib/reports/trial.ts';

const mart = (name: string, sql: string) =>
  parseMart(`sql/shop/${name}.sql`, `-- purpose: p\n-- grain: g\n-- parameters: none\n-- zone: UTC\n${sql}`);

test('every mart is asked how many rows it has; one that fails keeps none from being asked', async () => {
  const asked: string[] = [];
  const engine = {
    query: async (sql: string) => {
      asked.push(sql);
      if (sql.includes('missing')) throw new Error('no such table');
      return { columns: [], rows: [['7']] };
    },
  };
  const trials = await tryMarts(engine, [mart('a', 'SELECT 1 FROM missing;'), mart('b', 'SELECT 2 -- two')]);
  expect(trials).toEqual([
    { mart: 'shop_marts.a', problem: 'no such table' },
    { mart: 'shop_marts.b', rows: 7 },
  ]);
  expect(asked[1]).toMatch(/^SELECT count\(\*\) FROM \(\n-- purpose: p\n[\s\S]*SELECT 2 -- two\n\) AS mart$/);
});
