import { describe, expect, test } from '@jest/globals';
import type { Mart } from '../../lib/reports/marts.ts';
import { references, tablesIn } from '../../lib/reports/references.ts';
import { viewsOf } from '../../lib/reports/views.ts';

const mart = (name: string, sql: string): Mart => ({
  domain: 'shop',
  name,
  purpose: '',
  grain: '',
  parameters: '',
  zone: '',
  sql,
});

const names = (sql: string) => tablesIn(sql).map(({ database, name }) => `${database}.${name}`);

describe('what a statement reads', () => {
  test('is tables that it names with their database, wherever they stand', () => {
    const sql =
      'WITH a AS (SELECT * FROM shop.items) SELECT i.id, (SELECT max(x) FROM "Other"."T2") AS m FROM a JOIN Shop.Sales AS i ON TRUE ' +
      'WHERE EXISTS (SELECT 1 FROM shop.deep) UNION ALL SELECT 1, 2 FROM (SELECT * FROM headgate.files) AS f';
    expect(names(sql).sort()).toEqual([
      'headgate.files',
      'other.t2',
      'shop.deep',
      'shop.items',
      'shop.sales',
    ]);
  });

  test('is not a column, an alias, a text or a common table expression of the same name', () => {
    const sql =
      "WITH items AS (SELECT 1 AS sales) SELECT items.sales, 'shop.customers' AS t FROM items, other.x AS orders";
    expect(names(sql)).toEqual(['other.x']);
  });

  test('includes what its marts read, each mart after those that it reads', () => {
    const marts = [
      mart('top', 'SELECT * FROM shop_marts.middle JOIN shop_marts.base ON TRUE'),
      mart('middle', 'SELECT * FROM shop_marts.base'),
      mart('base', 'SELECT * FROM shop.items'),
      mart('other', 'SELECT * FROM shop.others'),
    ];
    const read = references('SELECT other FROM shop_marts.top', marts);
    expect(read.marts.map(({ name }) => name)).toEqual(['base', 'middle', 'top']);
    expect(read.tables).toEqual([{ database: 'shop', name: 'items' }]);
  });

  test('is an error that shows the circle where marts read each other', () => {
    const marts = [
      mart('a', 'SELECT * FROM shop_marts.b'),
      mart('b', 'SELECT * FROM shop_marts.c'),
      mart('c', 'SELECT * FROM shop_marts.b'),
    ];
    expect(() => references('SELECT * FROM shop_marts.a', marts)).toThrow(
      'shop_marts.b -> shop_marts.c -> shop_marts.b',
    );
  });
});

test('every mart is a view for Athena, each after those that it reads, those of the ledger too', () => {
  const marts = [
    mart('late', 'SELECT * FROM shop_marts.arrivals'),
    mart('arrivals', 'SELECT * FROM headgate.files'),
    mart('sales', 'SELECT * FROM shop.items'),
  ];
  expect(viewsOf(marts).map(({ name }) => name)).toEqual([
    'shop_marts.arrivals',
    'shop_marts.late',
    'shop_marts.sales',
  ]);
});
