import { cpSync, mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { headgate, json, ROOT } from '../support/headgate.ts';
import { temporaryFolder } from '../support/temporary.ts';

const folder = temporaryFolder('restatements');
const landing = join(folder, 'landing');
const lake = ['--home', join(folder, 'lake'), '--contracts', join(ROOT, 'contracts/payments')];

const HEADER =
  'transaction_id,parent_id,type,account_id,amount,currency,transacted_at,card_number,updated_at\n';

/** Lands a file as its source would have at a moment; the moment is when it counts as received. */
function land(key: string, received: string, lines: readonly string[], header = HEADER): void {
  const path = join(landing, 'payments', key);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${header}${lines.join('\n')}\n`);
  utimesSync(path, new Date(received), new Date(received));
}

/** `T1 parent type account amount moment updated`. */
const line = (text: string): string => {
  const [id, parent, type, account, amount, moment, updated] = text.split(' ');
  return `${id},${parent === '-' ? '' : parent},${type},${account},${amount},EUR,${moment}T10:00:00Z,,${updated}T00:00:00Z`;
};

const done = async (...args: readonly string[]) => {
  const { code, stderr } = await headgate([...lake, ...args]);
  expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
};
const run = () => done('run', '--landing', landing);

const ask = (sql: string) => headgate([...lake, 'query', sql, '--json']);

const restatements = async () =>
  json<Record<string, string>[]>(
    await ask(
      'SELECT r.*, f.key FROM payments_marts.refund_restatements r JOIN headgate.files f ON f.file_id = r.changed_by_file ORDER BY 1, 2',
    ),
  ).map(({ changed_by_file: _file, currency: _currency, ...row }) => Object.values(row));

const monthly = async () =>
  json<Record<string, string>[]>(await ask('SELECT * FROM payments_marts.refunds_monthly ORDER BY 1, 2')).map(
    (row) => Object.values(row),
  );

/**
 * January by hand, when it closed. C1: T11 20.00 and T12 5.00 = 25.00. C2: T13 8.00. C3: T14 50.00. T15 of C3 lies in the month of its purchase.
 */
describe('months that were reported and closed', () => {
  beforeAll(async () => {
    land(
      'accounts/2026-01-01/accounts.jsonl',
      '2026-01-02T00:00:00Z',
      ['1', '2', '3'].map((n) =>
        JSON.stringify({
          account_id: `A${n}`,
          customer_id: `C${n}`,
          holder_name: 'x',
          phone: null,
          opened_on: '2020-01-01',
        }),
      ),
      '',
    );
    land('transactions/2026-01-31/day.csv', '2026-02-01T02:00:00Z', [
      line('T1 - purchase A1 90.00 2025-11-03 2025-11-03'),
      line('T2 - purchase A2 90.00 2025-11-03 2025-11-03'),
      line('T3 - purchase A3 90.00 2025-11-03 2025-11-03'),
      line('T4 - purchase A3 10.00 2026-01-05 2026-01-05'),
      line('T11 T1 refund A1 20.00 2026-01-20 2026-01-20'),
      line('T12 T1 refund A1 5.00 2026-01-21 2026-01-21'),
      line('T13 T2 refund A2 8.00 2026-01-22 2026-01-22'),
      line('T14 T3 refund A3 50.00 2026-01-23 2026-01-23'),
      line('T15 T4 refund A3 10.00 2026-01-24 2026-01-24'),
    ]);
    await run();
  });

  test('a month that has not closed is not restated', async () => {
    expect(await restatements()).toEqual([]);
  });

  test('show the value as first reported, as it is now, and when and by which file it changed', async () => {
    // Late refund of C1: + 4.00. The refund of C2 is sent again with 6.50 instead of 8.00. Nothing becomes of C3 yet.
    land('transactions/2026-02-03/day.csv', '2026-02-04T02:00:00Z', [
      line('T16 T1 refund A1 4.00 2026-01-30 2026-02-03'),
      line('T13 T2 refund A2 6.50 2026-01-22 2026-02-03'),
    ]);
    await run();
    const key = 'payments/transactions/2026-02-03/day.csv';
    expect(await restatements()).toEqual([
      ['C1', '2026-01-01', '25.00', '29.00', '4.00', '2026-02-04 02:00:00', key],
      ['C2', '2026-01-01', '8.00', '6.50', '-1.50', '2026-02-04 02:00:00', key],
    ]);

    // Voids T14 of C3 after the close; T11 of C1 comes again in a second file of January itself, with 18.00.
    land('transactions/2026-03-31/day.csv', '2026-04-01T02:00:00Z', [
      line('T17 T14 void A3 50.00 2026-03-15 2026-03-15'),
    ]);
    land('transactions/2026-01-31/again.csv', '2026-04-02T09:30:00Z', [
      line('T11 T1 refund A1 18.00 2026-01-20 2026-04-02'),
    ]);
    await run();
    const after = [
      [
        'C1',
        '2026-01-01',
        '25.00',
        '27.00',
        '2.00',
        '2026-04-02 09:30:00',
        'payments/transactions/2026-01-31/again.csv',
      ],
      ['C2', '2026-01-01', '8.00', '6.50', '-1.50', '2026-02-04 02:00:00', key],
      [
        'C3',
        '2026-01-01',
        '50.00',
        '0.00',
        '-50.00',
        '2026-04-01 02:00:00',
        'payments/transactions/2026-03-31/day.csv',
      ],
    ];
    expect(await restatements()).toEqual(after);
    expect(await monthly()).toEqual([
      ['C1', '2026-01-01', '27.00', '3', 'EUR'],
      ['C2', '2026-01-01', '6.50', '1', 'EUR'],
    ]);

    // Neither another run nor a replay of the file whose rows were replaced changes what was first reported.
    await run();
    await done('replay', 'payments/transactions/2026-01-31/day.csv', '--yes');
    expect(await restatements()).toEqual(after);
  });

  test('show what a corrected file changed, by the file that took the place, and what a contract of today changes', async () => {
    const january = 'payments/transactions/2026-01-31/day.csv';
    const before = (await restatements()).slice(1);
    // T12 of C1 becomes 9.00, T13 of C2 stays beaten, T14 of C3 is voided all the same, and T15 is gone.
    const corrected = join(folder, 'corrected.csv');
    writeFileSync(
      corrected,
      `${HEADER}${[
        line('T1 - purchase A1 90.00 2025-11-03 2025-11-03'),
        line('T2 - purchase A2 90.00 2025-11-03 2025-11-03'),
        line('T3 - purchase A3 90.00 2025-11-03 2025-11-03'),
        line('T11 T1 refund A1 20.00 2026-01-20 2026-01-20'),
        line('T12 T1 refund A1 9.00 2026-01-21 2026-01-21'),
        line('T13 T2 refund A2 8.00 2026-01-22 2026-01-22'),
        line('T14 T3 refund A3 50.00 2026-01-23 2026-01-23'),
      ].join('\n')}\n`,
    );
    const begun = new Date().toISOString().slice(0, 10);
    await done('replay', january, '--with', corrected, '--yes');
    const [first, ...others] = await restatements();
    expect(first).toEqual(['C1', '2026-01-01', '25.00', '31.00', '6.00', expect.any(String), january]);
    expect(String(first?.[5]) >= begun).toBe(true);
    expect(others).toEqual(before);
    const [by] = json<Record<string, string>[]>(
      await ask(
        "SELECT f.state, CAST(f.received_at AS varchar) AS received FROM payments_marts.refund_restatements r JOIN headgate.files f ON f.file_id = r.changed_by_file WHERE r.customer_id = 'C1'",
      ),
    );
    expect(by?.state).toBe('published');
    expect(String(by?.received) >= begun).toBe(true);

    // The contract refuses C1's late refund from now on.
    const contracts = join(folder, 'contracts');
    cpSync(join(ROOT, 'contracts/payments'), contracts, { recursive: true });
    const path = join(contracts, 'transactions.odcs.yaml');
    const text = readFileSync(path, 'utf8')
      .replace('version: 1.1.0', 'version: 1.2.0')
      .replace('format: csv', 'format: csv\n          maxRejectPercent: 100')
      .replace(/implementation: (type = .*)/, 'implementation: amount <> 4 AND ($1)');
    writeFileSync(path, text);
    const stricter = ['--home', join(folder, 'lake'), '--contracts', contracts];
    expect((await headgate([...stricter, 'backfill', 'payments/transactions', '--yes'])).code).toBe(3);
    const late = 'payments/transactions/2026-02-03/day.csv';
    expect(await restatements()).toEqual([
      ['C1', '2026-01-01', '25.00', '27.00', '2.00', expect.any(String), late],
      ...before,
    ]);
    expect((await monthly())[0]?.[2]).toBe('27.00');
  });
});
