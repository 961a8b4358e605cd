import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { describe, expect, test } from '@jest/globals';
import { parseMart } from '../../lib/reports/marts.ts';
import { type TRANSLATED_FUNCTIONS, toDuckDb } from '../../lib/reports/translate.ts';
import { ROOT } from '../support/headgate.ts';

const mart = (name: string) =>
  parseMart(`sql/${name}.sql`, readFileSync(join(ROOT, `sql/${name}.sql`), 'utf8'));

async function ask(setUp: readonly string[], sql: string): Promise<readonly unknown[]> {
  const connection = await (await DuckDBInstance.create(':memory:')).connect();
  await connection.run("SET TimeZone = 'UTC'");
  for (const statement of setUp) await connection.run(statement);
  return (await connection.runAndReadAll(toDuckDb(sql))).getRowsJson();
}

const JAN_FILE = '2026-01-31.20260201T000000000Z.aaaaaaaaaaaa';
const FEB_FILE = '2026-02-28.20260301T000000000Z.bbbbbbbbbbbb';

type Row = readonly [
  id: string,
  parent: string | null,
  type: string,
  account: string,
  amount: string,
  at: string,
  file?: string,
  currency?: string,
];

const payments = (
  rows: readonly Row[],
  accounts: readonly (readonly [string, string])[] = [['A1', 'C1']],
  earlier: readonly Row[] = [],
): readonly string[] => [
  'CREATE SCHEMA payments',
  ...['transactions', 'transactions_earlier'].map(
    (name) =>
      `CREATE TABLE payments.${name} (transaction_id VARCHAR, parent_id VARCHAR, type VARCHAR, account_id VARCHAR, amount DECIMAL(18,2), currency VARCHAR, transacted_at TIMESTAMP, updated_at TIMESTAMP, _source_file VARCHAR, _source_row BIGINT, _run_id VARCHAR)`,
  ),
  'ALTER TABLE payments.transactions_earlier ADD COLUMN _withdrawn_by VARCHAR',
  'ALTER TABLE payments.transactions_earlier ADD COLUMN _withdrawn_run VARCHAR',
  'CREATE TABLE payments.accounts (account_id VARCHAR, customer_id VARCHAR)',
  ...accounts.map(
    ([account, customer]) => `INSERT INTO payments.accounts VALUES ('${account}', '${customer}')`,
  ),
  ...rows.map((row) => inserted('transactions', row)),
  ...earlier.map((row) => inserted('transactions_earlier', row)),
];

/** Updated on the business date of its file. */
const inserted = (
  table: string,
  [id, parent, type, account, amount, at, file = JAN_FILE, currency = 'EUR']: Row,
): string =>
  `INSERT INTO payments.${table} (transaction_id, parent_id, type, account_id, amount, currency, transacted_at, updated_at, _source_file, _source_row) VALUES ('${id}', ${parent === null ? 'NULL' : `'${parent}'`}, '${type}', '${account}', ${amount}, '${currency}', '${at}', '${file.slice(0, 10)}', '${file}', 1)`;

describe('refunds_monthly', () => {
  const { sql } = mart('payments/refunds_monthly');

  test('counts a refund a year after its purchase: January to next January is not the same month', async () => {
    const rows = await ask(
      payments([
        ['p', null, 'purchase', 'A1', '100', '2025-01-15'],
        ['r', 'p', 'refund', 'A1', '40', '2026-01-15'],
      ]),
      sql,
    );
    expect(rows).toEqual([['C1', '2026-01-01', '40.00', '1', 'EUR']]);
  });

  test('ignores a refund in the month of its purchase', async () => {
    expect(
      await ask(
        payments([
          ['p', null, 'purchase', 'A1', '9', '2026-01-01'],
          ['r', 'p', 'refund', 'A1', '9', '2026-01-31 23:59:59'],
        ]),
        sql,
      ),
    ).toEqual([]);
  });

  test('adds partial refunds, and several voids of one purchase change nothing', async () => {
    const rows: Row[] = [
      ['p', null, 'purchase', 'A1', '60', '2025-12-20'],
      ['r1', 'p', 'refund', 'A1', '10', '2026-01-05'],
      ['r2', 'p', 'refund', 'A1', '15', '2026-01-08'],
      ['v1', 'p', 'void', 'A1', '60', '2026-01-09'],
      ['v2', 'p', 'void', 'A1', '60', '2026-01-09'],
    ];
    expect(await ask(payments(rows), sql)).toEqual([['C1', '2026-01-01', '25.00', '2', 'EUR']]);
  });

  test('ignores a voided refund', async () => {
    const rows: Row[] = [
      ['p', null, 'purchase', 'A1', '30', '2025-12-01'],
      ['r', 'p', 'refund', 'A1', '30', '2026-01-09'],
      ['v', 'r', 'void', 'A1', '30', '2026-01-09'],
    ];
    expect(await ask(payments(rows), sql)).toEqual([]);
  });

  test('counts a refund again whose void has itself been voided, unless another void of it stands', async () => {
    const rows: Row[] = [
      ['p', null, 'purchase', 'A1', '90', '2025-12-01'],
      ['r1', 'p', 'refund', 'A1', '30', '2026-01-09'],
      ['v1', 'r1', 'void', 'A1', '30', '2026-01-09'],
      ['w1', 'v1', 'void', 'A1', '30', '2026-01-10'],
      ['r2', 'p', 'refund', 'A1', '7', '2026-01-09'],
      ['v2', 'r2', 'void', 'A1', '7', '2026-01-09'],
      ['v3', 'r2', 'void', 'A1', '7', '2026-01-09'],
      ['w2', 'v2', 'void', 'A1', '7', '2026-01-10'],
    ];
    expect(await ask(payments(rows), sql)).toEqual([['C1', '2026-01-01', '30.00', '1', 'EUR']]);
  });

  test('does not count a customer with two accounts twice, nor lose an account without customer', async () => {
    const rows: Row[] = [
      ['p1', null, 'purchase', 'A1', '5', '2025-12-01'],
      ['r1', 'p1', 'refund', 'A1', '5', '2026-01-01'],
      ['p2', null, 'purchase', 'A2', '7', '2025-12-01'],
      ['r2', 'p2', 'refund', 'A2', '7', '2026-01-01'],
      ['p3', null, 'purchase', 'A3', '1', '2025-12-01'],
      ['r3', 'p3', 'refund', 'A3', '1', '2026-01-01'],
    ];
    expect(
      await ask(
        payments(rows, [
          ['A1', 'C1'],
          ['A2', 'C1'],
        ]),
        sql,
      ),
    ).toEqual([
      ['', '2026-01-01', '1.00', '1', 'EUR'],
      ['C1', '2026-01-01', '12.00', '2', 'EUR'],
    ]);
  });

  test('never adds amounts of different currencies', async () => {
    const rows: Row[] = [
      ['p', null, 'purchase', 'A1', '500', '2025-12-20'],
      ['r1', 'p', 'refund', 'A1', '10', '2026-01-05'],
      ['r2', 'p', 'refund', 'A1', '5000', '2026-01-08'],
    ];
    const yen = "UPDATE payments.transactions SET currency = 'JPY' WHERE transaction_id = 'r2'";
    expect(await ask([...payments(rows), yen], sql)).toEqual([
      ['C1', '2026-01-01', '10.00', '1', 'EUR'],
      ['C1', '2026-01-01', '5000.00', '1', 'JPY'],
    ]);
  });
});

test('orphan_refunds shows refunds whose purchase is not there, unless they are voided', async () => {
  const rows: Row[] = [
    ['r1', 'x', 'refund', 'A1', '5', '2026-01-01'],
    ['r2', 'y', 'refund', 'A1', '6', '2026-01-01'],
    ['v', 'r2', 'void', 'A1', '6', '2026-01-01'],
    ['r3', 'z', 'refund', 'A1', '7', '2026-01-01'],
    ['v3', 'r3', 'void', 'A1', '7', '2026-01-01'],
    ['w3', 'v3', 'void', 'A1', '7', '2026-01-01'],
  ];
  expect(await ask(payments(rows), mart('payments/orphan_refunds').sql)).toEqual([
    ['r1', 'x', 'A1', '5.00', 'EUR', '2026-01-01 00:00:00', JAN_FILE],
    ['r3', 'z', 'A1', '7.00', 'EUR', '2026-01-01 00:00:00', JAN_FILE],
  ]);
});

describe('refund_restatements', () => {
  const { sql } = mart('payments/refund_restatements');
  const customers = ['A1', 'A2', 'A3', 'A4'].map((account) => [account, account.replace('A', 'C')] as const);
  const purchases: Row[] = ['1', '2', '3', '4'].map((n) => [
    `p${n}`,
    null,
    'purchase',
    `A${n}`,
    '90',
    '2025-11-01',
  ]);
  const months = (rows: readonly Row[], earlier: readonly Row[] = []) =>
    ask(payments([...purchases, ...rows], customers, earlier), sql);

  test('shows a month that a late void or a late refund changed, and by which file', async () => {
    expect(
      await months([
        ['r1', 'p1', 'refund', 'A1', '20', '2026-01-25'],
        ['v1', 'r1', 'void', 'A1', '20', '2026-02-03', FEB_FILE],
        ['r2', 'p2', 'refund', 'A2', '8', '2026-01-26', FEB_FILE],
        ['r3', 'p3', 'refund', 'A3', '3', '2026-01-26'],
      ]),
    ).toEqual([
      ['C1', '2026-01-01', '20.00', '0.00', '-20.00', FEB_FILE, '2026-03-01 00:00:00', 'EUR'],
      ['C2', '2026-01-01', '0.00', '8.00', '8.00', FEB_FILE, '2026-03-01 00:00:00', 'EUR'],
    ]);
  });

  test('shows a month whose refund counts again, since its void was voided, and nothing where another void stands', async () => {
    expect(
      await months([
        ['r1', 'p1', 'refund', 'A1', '20', '2026-01-25'],
        ['v1', 'r1', 'void', 'A1', '20', '2026-01-26'],
        ['w1', 'v1', 'void', 'A1', '20', '2026-02-03', FEB_FILE],
        ['r2', 'p2', 'refund', 'A2', '8', '2026-01-25'],
        ['v2', 'r2', 'void', 'A2', '8', '2026-01-26'],
        ['v3', 'r2', 'void', 'A2', '8', '2026-01-26'],
        ['w2', 'v2', 'void', 'A2', '8', '2026-02-03', FEB_FILE],
      ]),
    ).toEqual([['C1', '2026-01-01', '0.00', '20.00', '20.00', FEB_FILE, '2026-03-01 00:00:00', 'EUR']]);
  });

  test('knows the amount that a refund had before it was sent again, whatever the business date of the file', async () => {
    const again = '2026-01-31.20260320T101112000Z.cccccccccccc';
    const soon = '2026-01-31.20260301T120000000Z.dddddddddddd';
    expect(
      await months(
        [
          ['r1', 'p1', 'refund', 'A1', '15', '2026-01-25', FEB_FILE],
          ['r2', 'p2', 'refund', 'A2', '15', '2026-01-25', again],
          // Within a day of the first file of February: the month was not closed yet.
          ['r3', 'p3', 'refund', 'A3', '15', '2026-01-25', soon],
        ],
        [
          ['r1', 'p1', 'refund', 'A1', '20', '2026-01-25'],
          ['r2', 'p2', 'refund', 'A2', '20', '2026-01-25'],
          ['r3', 'p3', 'refund', 'A3', '20', '2026-01-25'],
          ['v', 'x', 'void', 'A4', '1', '2026-02-01', FEB_FILE],
        ],
      ),
    ).toEqual([
      ['C1', '2026-01-01', '20.00', '15.00', '-5.00', FEB_FILE, '2026-03-01 00:00:00', 'EUR'],
      ['C2', '2026-01-01', '20.00', '15.00', '-5.00', again, '2026-03-20 10:11:12', 'EUR'],
    ]);
  });

  test('names the file after which the value was another, not one that came later and changed nothing', async () => {
    const later = '2026-03-31.20260401T000000000Z.eeeeeeeeeeee';
    const twice: Row[] = [
      ['r1', 'p1', 'refund', 'A1', '20', '2026-01-25'],
      ['r1', 'p1', 'refund', 'A1', '12', '2026-01-25', FEB_FILE],
      ['r2', 'p2', 'refund', 'A2', '5', '2026-01-25'],
      ['r2', 'p2', 'refund', 'A2', '6', '2026-01-25', FEB_FILE],
    ];
    expect(
      await months(
        [
          ['r1', 'p1', 'refund', 'A1', '12', '2026-01-25', later],
          // It has come back to what was reported.
          ['r2', 'p2', 'refund', 'A2', '5', '2026-01-25', later],
        ],
        twice,
      ),
    ).toEqual([['C1', '2026-01-01', '20.00', '12.00', '-8.00', FEB_FILE, '2026-03-01 00:00:00', 'EUR']]);
  });

  test('adds no amounts of different currencies, and moves one that is sent again in another', async () => {
    expect(
      await months(
        [
          ['r1', 'p1', 'refund', 'A1', '20', '2026-01-25', FEB_FILE],
          ['r2', 'p2', 'refund', 'A1', '7', '2026-01-25', FEB_FILE, 'USD'],
          ['r3', 'p3', 'refund', 'A3', '5', '2026-01-25', FEB_FILE, 'USD'],
        ],
        [['r3', 'p3', 'refund', 'A3', '5', '2026-01-25']],
      ),
    ).toEqual([
      ['C1', '2026-01-01', '0.00', '20.00', '20.00', FEB_FILE, '2026-03-01 00:00:00', 'EUR'],
      ['C1', '2026-01-01', '0.00', '7.00', '7.00', FEB_FILE, '2026-03-01 00:00:00', 'USD'],
      ['C3', '2026-01-01', '5.00', '0.00', '-5.00', FEB_FILE, '2026-03-01 00:00:00', 'EUR'],
      ['C3', '2026-01-01', '0.00', '5.00', '5.00', FEB_FILE, '2026-03-01 00:00:00', 'USD'],
    ]);
  });

  test('moves a refund that is sent again with another month or account', async () => {
    expect(
      await months(
        [
          ['r1', 'p1', 'refund', 'A1', '20', '2026-02-25', FEB_FILE],
          ['r2', 'p2', 'refund', 'A3', '7', '2026-01-25', FEB_FILE],
        ],
        [
          ['r1', 'p1', 'refund', 'A1', '20', '2026-01-25'],
          ['r2', 'p2', 'refund', 'A2', '7', '2026-01-25'],
        ],
      ),
    ).toEqual([
      ['C1', '2026-01-01', '20.00', '0.00', '-20.00', FEB_FILE, '2026-03-01 00:00:00', 'EUR'],
      ['C2', '2026-01-01', '7.00', '0.00', '-7.00', FEB_FILE, '2026-03-01 00:00:00', 'EUR'],
      ['C3', '2026-01-01', '0.00', '7.00', '7.00', FEB_FILE, '2026-03-01 00:00:00', 'EUR'],
    ]);
  });

  test('says nothing of a month that has not closed, and nothing of purchases that came late but count for nothing', async () => {
    expect(
      await months(
        [['r1', 'p1', 'refund', 'A1', '20', '2026-02-25', FEB_FILE]],
        [['r1', 'p1', 'refund', 'A1', '25', '2026-02-25', FEB_FILE]],
      ),
    ).toEqual([]);
    const late = '2026-02-28.20260310T000000000Z.ffffffffffff';
    expect(
      await months([
        ['q', null, 'purchase', 'A1', '90', '2025-10-01', late],
        ['r1', 'q', 'refund', 'A1', '4', '2026-01-25'],
        ['r2', 'p2', 'refund', 'A2', '4', '2026-02-25', FEB_FILE],
      ]),
    ).toEqual([['C1', '2026-01-01', '0.00', '4.00', '4.00', late, '2026-03-10 00:00:00', 'EUR']]);
  });
});

test('orders_valid keeps orders of the future out', async () => {
  const columns = [
    'order_id',
    'source',
    'customer_id',
    'payment_id',
    'voucher_id',
    'product_id',
    'website',
    'order_status',
    'voucher_status',
    'payment_status',
  ];
  const setUp = [
    'CREATE SCHEMA orders',
    `CREATE TABLE orders.orders (${columns.map((name) => `${name} VARCHAR`).join(', ')}, order_date TIMESTAMP, payment_date TIMESTAMP)`,
    "INSERT INTO orders.orders (order_id, order_date) VALUES ('1', '2020-01-01'), ('2', '2142-10-17')",
  ];
  expect(await ask(setUp, `SELECT order_id FROM (${mart('orders/orders_valid').sql}) AS v`)).toEqual([['1']]);
});

test('cancellations_monthly adds the value of cancelled lines by month', async () => {
  const setUp = [
    'CREATE SCHEMA retail',
    'CREATE TABLE retail.sales (invoice_no VARCHAR, quantity INTEGER, unit_price DECIMAL(18,3), invoice_date TIMESTAMP)',
    "INSERT INTO retail.sales VALUES ('C1', -2, 2.555, '2011-01-04'), ('C2', -1, 1, '2011-01-31 23:59:59'), ('3', 5, 1, '2011-01-04'), ('C4', -1, 0.001, '2011-02-01')",
  ];
  expect(await ask(setUp, mart('retail/cancellations_monthly').sql)).toEqual([
    ['2011-01-01', '2', '-6.11'],
    ['2011-02-01', '1', '0.00'],
  ]);
});

test('report_readiness: met, missed, late, or open; 06:00 in Amsterdam is another moment in summer', async () => {
  const inputs = (day: string, readyAt: readonly (string | null)[]) =>
    readyAt.map(
      (at, input) =>
        `INSERT INTO hospitality_marts.report_inputs VALUES ('${day}', 'input ${input}', ${at === null ? 'NULL' : `'${at}'`})`,
    );
  const setUp = [
    'CREATE SCHEMA hospitality_marts',
    'CREATE TABLE hospitality_marts.report_inputs (business_date DATE, input VARCHAR, ready_at TIMESTAMP)',
    ...inputs('2026-03-27', ['2026-03-28 03:00:00', '2026-03-28 05:00:00']),
    ...inputs('2026-03-28', ['2026-03-29 05:00:00', '2026-03-29 03:00:00']),
    ...inputs('2026-03-30', [null, '2026-03-31 01:00:00']),
    ...inputs('2999-01-01', [null, null]),
  ];
  const sql = mart('hospitality/report_readiness').sql;
  expect(
    await ask(
      setUp,
      `SELECT business_date, verdict, CASE WHEN ready_at IS NOT NULL THEN margin_minutes END AS margin, waited_for, inputs_missing FROM (${sql}) AS r WHERE business_date < DATE '2999-01-01' ORDER BY 1`,
    ),
  ).toEqual([
    ['2026-03-27', 'met', '0', 'input 1', '0'],
    ['2026-03-28', 'missed', '-60', 'input 0', '0'],
    ['2026-03-30', 'missed', null, 'input 0', '1'],
  ]);
  expect(
    await ask(setUp, `SELECT verdict, inputs_missing FROM (${sql}) AS r WHERE margin_minutes > 1000000`),
  ).toEqual([['open', '2']]);
});

describe('translation from Athena’s SQL', () => {
  /** One call and its value for every function that may be used. */
  const calls: Readonly<Record<(typeof TRANSLATED_FUNCTIONS)[number], readonly [string, string]>> = {
    abs: ['abs(-2)', '2'],
    approx_distinct: ['approx_distinct(x)', '3'],
    at_timezone: [
      "CAST(at_timezone(with_timezone(TIMESTAMP '2026-03-29 06:00:00', 'Europe/Amsterdam'), 'UTC') AS timestamp)",
      '2026-03-29 04:00:00',
    ],
    avg: ['avg(x)', '2'],
    bool_and: ['bool_and(x > 1)', 'false'],
    bool_or: ['bool_or(x > 1)', 'true'],
    cast: ["cast('5' AS integer)", '5'],
    ceil: ['ceil(1.2)', '2'],
    coalesce: ['coalesce(NULL, 3)', '3'],
    concat: ["concat('a', 'b')", 'ab'],
    count: ['count(x)', '3'],
    count_if: ['count_if(x > 1)', '2'],
    date: ["date(TIMESTAMP '2026-01-05 10:00:00')", '2026-01-05'],
    date_add: ["CAST(date_add('month', -max(x), DATE '2026-05-31') AS date)", '2026-02-28'],
    date_diff: ["date_diff('month', DATE '2026-01-15', DATE '2026-03-14')", '1'],
    date_format: ["date_format(TIMESTAMP '2026-01-05 15:04:05', '%Y/%m-%d %H:%i:%s')", '2026/01-05 15:04:05'],
    date_trunc: ["date_trunc('month', TIMESTAMP '2026-01-31 10:00:00')", '2026-01-01 00:00:00'],
    day: ["day(DATE '2026-01-31')", '31'],
    day_of_week: ["day_of_week(DATE '2026-02-01')", '7'],
    day_of_year: ["day_of_year(DATE '2026-02-01')", '32'],
    extract: ["extract(quarter FROM DATE '2026-05-05')", '2'],
    floor: ['floor(1.8)', '1'],
    from_iso8601_date: ["from_iso8601_date('2026-01-05')", '2026-01-05'],
    greatest: ['greatest(1, 3, 2)', '3'],
    hour: ["hour(TIMESTAMP '2026-01-31 10:11:12')", '10'],
    if: ["if(1 > 2, 'a', 'b')", 'b'],
    lag: ['max(1)', '1'],
    last_day_of_month: ["last_day_of_month(DATE '2024-02-03')", '2024-02-29'],
    least: ['least(1, 3, 2)', '1'],
    length: ["length('é😀')", '2'],
    lower: ["lower('AB')", 'ab'],
    max: ['max(x)', '3'],
    max_by: ['max_by(x, -x)', '1'],
    min: ['min(x)', '1'],
    min_by: ['min_by(x, -x)', '3'],
    minute: ["minute(TIMESTAMP '2026-01-31 10:11:12')", '11'],
    month: ["month(DATE '2026-01-31')", '1'],
    nullif: ['nullif(1, 2)', '1'],
    quarter: ["quarter(DATE '2026-05-05')", '2'],
    rank: ['max(1)', '1'],
    regexp_like: ["regexp_like('abc', '^a.*[bc]')", 'true'],
    replace: ["replace('abcb', 'b', 'x')", 'axcx'],
    round: ['round(2.675, 2)', '2.68'],
    row_number: ['max(1)', '1'],
    second: ["second(TIMESTAMP '2026-01-31 10:11:12.5')", '12'],
    strpos: ["strpos('abc', 'c')", '3'],
    substr: ["substr('2026-01-31', 1, 7)", '2026-01'],
    sum: ['sum(x)', '6'],
    trim: ["trim('  a ')", 'a'],
    try_cast: ["coalesce(try_cast('x' AS integer), -1)", '-1'],
    upper: ["upper('ab')", 'AB'],
    week: ["week(DATE '2027-01-03')", '53'],
    with_timezone: [
      "CAST(at_timezone(with_timezone(TIMESTAMP '2026-03-28 06:00:00', 'Europe/Amsterdam'), 'UTC') AS timestamp)",
      '2026-03-28 05:00:00',
    ],
    year: ["year(DATE '2026-01-31')", '2026'],
  };

  test.each(Object.entries(calls))('%s gives the known value', async (_name, [call, value]) => {
    const [row] = (await ask([], `SELECT ${call} AS v FROM (VALUES 1, 2, 3) AS t(x)`)) as [[unknown]];
    expect(String(row[0])).toBe(value);
  });

  test.each([
    ["date_add('day', 3, TIMESTAMP '2026-01-30 10:00:00')", '2026-02-02 10:00:00'],
    ["date_add('quarter', 1, DATE '2026-01-31')", '2026-04-30 00:00:00'],
    ["DATE_ADD('HOUR', 2 * 3, TIMESTAMP '2026-01-30 23:00:00')", '2026-01-31 05:00:00'],
    ["date_diff('day', TIMESTAMP '2026-01-31 23:00:00', TIMESTAMP '2026-02-01 01:00:00')", '0'],
    ["date_diff('day', DATE '2026-01-31', DATE '2026-02-28')", '28'],
    ["date_diff('hour', TIMESTAMP '2026-01-31 10:59:00', TIMESTAMP '2026-01-31 11:01:00')", '0'],
    ["date_diff('month', DATE '2026-01-31', DATE '2026-02-28')", '1'],
    ["date_diff('month', DATE '2026-03-31', DATE '2026-02-28')", '-1'],
    ["date_diff('year', DATE '2025-12-31', DATE '2026-01-01')", '0'],
    ["extract(year FROM DATE '2026-01-05') * 100 + extract(month FROM DATE '2026-01-05')", '202601'],
    ["extract(week FROM DATE '2027-01-03')", '53'],
  ])('%s counts whole units', async (call, value) => {
    const [row] = (await ask([], `SELECT ${call} AS v`)) as [[unknown]];
    expect(String(row[0])).toBe(value);
  });

  test.each([
    ['greatest(max(x), NULL, 3)', 'null'],
    ['greatest(max(x), least(1, 2), 2)', '3'],
    ["least('b', 'a', NULL)", 'null'],
    ['least(2.5, max(x), 3e0)', '2.5'],
    ["concat('a', max(CAST(NULL AS varchar)), 'b')", 'null'],
    ["concat('a', 'b', 'c')", 'abc'],
    ["concat(CASE WHEN true THEN 'a' END, 'b') = 'ab'", 'true'],
    ['CAST(1.5 AS decimal)', '2'],
    ['CAST(1.25 AS decimal(5, 1))', '1.3'],
    ["CAST('abc' AS varchar(2))", 'ab'],
    ["TRY_CAST('abc' AS varchar)", 'abc'],
    ['max_by(x, CASE WHEN x < 3 THEN x END)', '2'],
    ['max_by(CASE WHEN x < 3 THEN x END, x)', 'null'],
  ])('%s is what it is in Athena', async (call, value) => {
    const rows = await ask([], `SELECT ${call} AS v FROM (VALUES 1, 2, 3) AS t(x) GROUP BY 1 = 1`);
    expect(String((rows as [[unknown]])[0][0])).toBe(value);
  });

  test('window functions rank and number rows', async () => {
    expect(
      await ask(
        [],
        'SELECT x, rank() OVER (ORDER BY x) AS r, row_number() OVER (ORDER BY x DESC) AS n, lag(x) OVER (ORDER BY x) AS before FROM (VALUES 1, 2) AS t(x) ORDER BY x',
      ),
    ).toEqual([
      [1, '1', '2', null],
      [2, '2', '1', 1],
    ]);
  });

  test.each([
    ['to_hex(sha256(x))', 'function to_hex'],
    ["at_timezone(x, 'UTC')", 'function at_timezone'],
    ["with_timezone(x, 'UTC')", 'function with_timezone'],
    ["CAST(at_timezone(x, 'UTC') AS timestamp)", 'function at_timezone'],
    ["CAST(at_timezone(with_timezone(x, 'UTC'), 'Europe/Amsterdam') AS varchar)", 'function with_timezone'],
    ['"to_hex"("sha256"(x))', 'function to_hex'],
    ["date_parse('1/2/03', '%c/%e/%y')", 'function date_parse'],
    ["x AT TIME ZONE 'UTC'", 'AT TIME ZONE'],
    ["date_format(x, '%M')", 'this format of date_format'],
    ['date_format(x, y)', 'this format of date_format'],
    ["date_add('millisecond', 1, x)", 'this unit of date_add'],
    ['date_diff(y, x, x)', 'this unit of date_diff'],
    ['extract(dow FROM x)', 'this unit of extract'],
    ["split_part('a/b', '/', 3)", 'function split_part'],
    ["CAST('a' AS char(5))", 'char'],
  ])('%s is an error that names it', (expression, construct) => {
    expect(() => toDuckDb(`SELECT ${expression} FROM t`)).toThrow(construct);
  });

  test('every shipped mart has a header and can be translated', () => {
    const files = globSync(join(ROOT, 'sql/*/*.sql'));
    expect(files.length).toBeGreaterThanOrEqual(5);
    for (const file of files)
      expect(toDuckDb(parseMart(file, readFileSync(file, 'utf8')).sql)).toMatch(/SELECT/);
  });
});

test('reservation_folio_reconciliation has no sum of folios in several currencies', async () => {
  const setUp = [
    'CREATE SCHEMA hospitality',
    'CREATE TABLE hospitality.reservations (reservation_id VARCHAR, hotel_code VARCHAR, status VARCHAR, arrival DATE, total_amount DECIMAL(12,2), currency VARCHAR)',
    'CREATE TABLE hospitality.folios (folio_id VARCHAR, reservation_id VARCHAR, hotel_code VARCHAR, charged DECIMAL(12,2), currency VARCHAR)',
    "INSERT INTO hospitality.reservations VALUES ('HAR-0001', 'HAR', 'BOOKED', '2026-01-01', 100, 'EUR')",
    "INSERT INTO hospitality.folios VALUES ('F1', 'HAR-0001', 'HAR', 60, 'EUR'), ('F2', 'har 0001', 'HAR', 40, 'USD')",
  ];
  const { sql } = mart('hospitality/reservation_folio_reconciliation');
  expect(
    await ask(setUp, `SELECT reservation_id, finding, folios, charged, difference FROM (${sql}) AS mart`),
  ).toEqual([['HAR-0001', 'currency_differs', '2', null, null]]);
});
