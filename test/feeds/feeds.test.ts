import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { type FileRow, headgate, json, ROOT, SHARED } from '../support/headgate.ts';
import { temporaryFolder } from '../support/temporary.ts';

const folder = temporaryFolder('feeds');
const ask = async (home: string, sql: string) =>
  json<Record<string, string | null>[]>(await headgate(['--home', home, 'query', sql, '--json']));

const total = (rows: readonly FileRow[], count: 'received' | 'published' | 'quarantined' | 'deduplicated') =>
  rows.reduce((sum, row) => sum + row[count], 0);

describe('the samples', () => {
  const home = join(folder, 'samples');

  test('end as samples/README.md says, and landing is emptied', async () => {
    mkdirSync(join(home, 'landing'), { recursive: true });
    cpSync(join(ROOT, 'samples'), join(home, 'landing'), {
      recursive: true,
      filter: (path) => !path.endsWith('.md'),
    });
    const run = await headgate(['--home', home, 'run', '--json']);
    expect(run.code).toBe(3);
    const rows = json<FileRow[]>(run).map((row) => [
      row.file,
      row.status,
      row.received,
      row.published,
      row.quarantined,
      row.deduplicated,
    ]);
    expect(rows).toEqual([
      ['advertising/bid_requests/2026-01-20/exchange-a.avro', 'published', 4, 3, 0, 1],
      ['advertising/bid_requests/2026-01-20/exchange-b.avro', 'published', 2, 2, 0, 0],
      ['advertising/clicks_conversions/2026-01-20/events.csv', 'published', 21, 19, 1, 1],
      ['advertising/creatives/2026-01-02/creatives.csv', 'published', 5, 4, 0, 1],
      ['advertising/creatives/2026-01-20/creatives.csv', 'published', 4, 3, 0, 1],
      ['advertising/impressions/2026-01-20/impressions.json', 'published', 25, 23, 1, 1],
      ['customers/crm/2026-01-31/crm.csv', 'published', 101, 99, 1, 1],
      ['customers/crm/2026-02-28/crm.csv', 'published', 1, 1, 0, 0],
      ['customers/loyalty/2026-02-15/cards.csv', 'published', 30, 28, 1, 1],
      ['customers/web/2026-01-31/web.jsonl', 'published', 64, 64, 0, 0],
      ['hospitality/folios/2026-03-01.json', 'published', 30, 28, 1, 1],
      ['hospitality/folios/2026-03-02.json', 'published', 2, 2, 0, 0],
      ['hospitality/reservations/harbour/2026-03-01.csv', 'published', 42, 35, 4, 3],
      ['hospitality/reservations/harbour/2026-03-02.csv', 'published', 10, 10, 0, 0],
      ['hospitality/reservations/meadow/2026-03-01.xlsx', 'published', 20, 18, 2, 0],
      ['hospitality/reservations/summit/2026-03-01.xml', 'published', 15, 13, 2, 0],
      ['hospitality/reservations/summit/2026-03-02.xml', 'published', 3, 3, 0, 0],
      ['orders/orders/2026-01-31/orders.csv', 'published', 58, 57, 1, 0],
      ['payments/accounts/2026-01-01/accounts.jsonl', 'published', 21, 20, 1, 0],
      ['payments/notes.txt', 'quarantined', 0, 0, 0, 0],
      ['payments/transactions/2026-01-31/part-1.csv', 'published', 273, 258, 12, 3],
      ['payments/transactions/2026-02-28/part-1-copy.csv.gz', 'published', 120, 120, 0, 0],
      ['payments/transactions/2026-02-28/part-1.csv.gz', 'duplicate', 120, 0, 0, 120],
      ['payments/transactions/2026-03-01/part-1.csv', 'quarantined', 0, 0, 0, 0],
      ['payments/transactions/2026-03-02/part-1.csv', 'quarantined', 2, 0, 2, 0],
      ['retail/sales/2011-01-04.csv', 'published', 61, 61, 0, 0],
      ['retail/sales/2011-01-05.csv', 'published', 63, 62, 1, 0],
    ]);
    const again = await headgate(['--home', home, 'run', '--json']);
    expect(again).toMatchObject({ code: 0, stdout: '[]\n' });
  });

  test('give the refunds that a person counts by hand', async () => {
    expect(await ask(home, 'SELECT * FROM payments_marts.refunds_monthly')).toEqual([
      { customer_id: 'C100', month: '2026-01-01', refunds: '65.00', refund_count: '3', currency: 'EUR' },
      { customer_id: 'C100', month: '2026-02-01', refunds: '11.50', refund_count: '2', currency: 'EUR' },
    ]);
    expect(await ask(home, 'SELECT transaction_id, amount FROM payments_marts.orphan_refunds')).toEqual([
      { transaction_id: 'T1014', amount: '12.50' },
    ]);
    expect(
      await ask(
        home,
        'SELECT customer_id, first_reported, reported_now FROM payments_marts.refund_restatements',
      ),
    ).toEqual([{ customer_id: 'C102', first_reported: '20.00', reported_now: '0.00' }]);
  });

  test('count the sides of a campaign apart, and give each impression the campaign of its moment', async () => {
    const performance = await ask(
      home,
      "SELECT * FROM advertising_marts.campaign_performance WHERE user_id IN ('user_1', 'user_2') ORDER BY 1, 2",
    );
    expect(performance.map((row) => Object.values(row))).toEqual([
      ['', 'user_2', '2', '0', '0', '0', '0'],
      ['campaign_1', 'user_1', '8', '3', '2', '37.5', '66.67'],
      ['campaign_2', 'user_1', '2', '1', '0', '50', '0'],
      ['campaign_2', 'user_2', '1', '1', '1', '100', '100'],
      ['campaign_4', 'user_2', '1', '0', '0', '0', '0'],
    ]);
    const conversions = await ask(home, 'SELECT * FROM advertising_marts.campaign_conversions');
    expect(conversions.map((row) => Object.values(row))).toEqual([
      ['campaign_1', '1', '1', '100'],
      ['campaign_2', '2', '0', '0'],
      ['campaign_3', '8', '1', '12.5'],
      ['campaign_5', '1', '0', '0'],
    ]);
  });

  test('merge a later version of a transaction into its old month', async () => {
    expect(
      await ask(
        home,
        "SELECT amount, substr(_source_file, 1, 10) AS day FROM payments.transactions WHERE transaction_id = 'T1030'",
      ),
    ).toEqual([{ amount: '89.00', day: '2026-02-28' }]);
  });

  test('show no personal value in curated, quarantine or files of the ledger', async () => {
    const cards = await ask(
      home,
      'SELECT DISTINCT card_number FROM payments.transactions UNION SELECT DISTINCT card_number FROM payments_quarantine.transactions',
    );
    expect(cards.length).toBeGreaterThan(10);
    for (const { card_number: card } of cards) if (card !== null) expect(card).toMatch(/^v1_[0-9a-f]{32}$/);
    const [vault] = await ask(
      home,
      'SELECT count(*) AS n, count(DISTINCT token) AS tokens FROM payments_vault.accounts',
    );
    expect(vault).toEqual({ n: '19', tokens: '19' });
  });
});

test('a query reads the tables and nothing else, and changes nothing', async () => {
  const home = join(folder, 'isolation');
  const secret = join(folder, 'secret.csv');
  writeFileSync(secret, 'a,b\n1,2\n');
  for (const sql of [
    `SELECT * FROM '${secret}'`,
    `SELECT * FROM read_csv('${secret}')`,
    `SELECT * FROM "read_text"('${secret}')`,
    'DELETE FROM retail.sales',
    'SELECT 1; SELECT 2',
  ]) {
    const refused = await headgate(['--home', home, 'query', sql]);
    expect({ sql, code: refused.code, stdout: refused.stdout }).toEqual({ sql, code: 1, stdout: '' });
  }
});

/** Takes in a folder that is laid out otherwise than the lake's landing place. */
const runOf = (home: string, landing: string, dataset: string) =>
  headgate(['--home', home, 'run', '--landing', landing, '--dataset', dataset, '--json']);

describe('real input', () => {
  test('retail: 95 days conserve 142,083 rows and give the known cancellations', async () => {
    const home = join(folder, 'retail');
    const run = await runOf(home, join(SHARED, 'data/retail/by-day'), 'retail/sales');
    const rows = json<FileRow[]>(run);
    expect(run.code).toBe(0);
    expect(rows).toHaveLength(95);
    expect(total(rows, 'received')).toBe(142_083);
    expect(total(rows, 'published') + total(rows, 'quarantined') + total(rows, 'deduplicated')).toBe(142_083);
    expect(await ask(home, 'SELECT cancelled_lines, total FROM retail_marts.cancellations_monthly')).toEqual([
      { cancelled_lines: '728', total: '-74789.12' },
      { cancelled_lines: '701', total: '-131364.30' },
      { cancelled_lines: '475', total: '-25569.24' },
      { cancelled_lines: '699', total: '-34372.28' },
    ]);
    const again = await runOf(home, join(SHARED, 'data/retail/by-day'), 'retail/sales');
    expect(again.code).toBe(0);
    expect(await ask(home, "SELECT count(*) AS n FROM headgate.runs WHERE state = 'published'")).toEqual([
      { n: '1' },
    ]);
  });

  test('talpa: 200 orders in, 199 valid, 22224396 flagged, EXPRIED warned about', async () => {
    const home = join(folder, 'talpa');
    const landing = join(folder, 'talpa-landing');
    mkdirSync(landing);
    cpSync(join(SHARED, 'data/talpa/sample.csv'), join(landing, 'sample.csv'));
    const run = await runOf(home, landing, 'orders/orders');
    const [file] = json<FileRow[]>(run);
    expect(file).toMatchObject({ received: 200, published: 200, quarantined: 0, deduplicated: 0 });
    expect(file?.why).toContain('rule.known_voucher_status 1');
    expect(file?.why).toContain('rule.paid_after_ordered 1');
    expect(await ask(home, 'SELECT count(*) AS n FROM orders_marts.orders_valid')).toEqual([{ n: '199' }]);
    expect(await ask(home, 'SELECT order_id FROM orders.orders WHERE payment_date < order_date')).toEqual([
      { order_id: '22224396' },
    ]);
  });
});
