import { DuckDBInstance } from '@duckdb/node-api';
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
  const trials = await tryMarts(engine, [
    mart('a', 'SELECT 1 FROM missing;'),
    mart('no', 'SELECT ('),
    mart('b', 'SELECT 2 -- two'),
  ]);
  expect(trials).toEqual([
    { mart: 'shop_marts.a', problem: 'no such table' },
    { mart: 'shop_marts.no', problem: expect.stringContaining('not SQL') },
    { mart: 'shop_marts.b', rows: 7 },
  ]);
  expect(asked[1]).toMatch(/^SELECT count\(\*\) FROM \(\n-- purpose: p\n[\s\S]*SELECT 2 -- two\n\) AS mart$/);
});

test('a mart that reads another is asked with the other as this commit has it: its view may not be deployed yet', async () => {
  const asked: string[] = [];
  const engine = {
    query: async (sql: string) => {
      asked.push(sql);
      return { columns: [], rows: [['0']] };
    },
  };
  const reads = "WITH m AS (SELECT * FROM Shop_marts.new_one) SELECT 'shop' AS x FROM m -- end";
  await tryMarts(engine, [mart('later', reads), mart('new_one', 'SELECT 1 AS a FROM shop.orders;')]);
  const inDuckDb = (asked[0] ?? '').replace('shop.orders', 'range(3)');
  const instance = await DuckDBInstance.create(':memory:');
  const rows = (await (await instance.connect()).runAndReadAll(inDuckDb)).getRows();
  expect(rows).toEqual([[3n]]);
});
