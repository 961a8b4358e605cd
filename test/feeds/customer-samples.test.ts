import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from '@jest/globals';
import { headgate, ROOT } from '../support/headgate.ts';
import { describeWithJudges } from '../support/judge.ts';
import { temporaryFolder } from '../support/temporary.ts';

const folder = temporaryFolder('customer-samples');
const ENTITY = 'customers/customers';

interface XrefRow {
  readonly source_id: string;
  readonly customer_id: string;
}

/** Of made-up people the number stands in their ids; who the others are stands in samples/README.md. Neither is compared. */
const BY_HAND: Readonly<Record<string, string>> = {
  ...{ '1001': 'sarah', 's.oneill': 'sarah', 'L-01': 'sarah' },
  ...{ '1002': 'anna', '1003': 'emma', '1004': 'john the elder', '1005': 'john the younger' },
  ...{ '1006': 'michael', '1007': 'michael', '1008': 'lucy', lucyh: 'lucy' },
  ...{ '1009': 'priya', priya85: 'priya', 'priya.n': 'priya', '1010': 'tom', 'L-02': 'tom', 'L-03': 'kim' },
};
const personOf = (id: string): string => BY_HAND[id] ?? `p${/^(?:20|w|L-1)(\d\d)$/.exec(id)?.[1]}`;

/** Records by who they are, or by the id that they have been given: the same groups in the same order. */
const groups = (xref: readonly XrefRow[], key: (row: XrefRow) => string) =>
  [...Map.groupBy(xref, key).values()]
    .map((rows) =>
      rows
        .map(({ source_id }) => source_id)
        .sort()
        .join(' '),
    )
    .sort();

describeWithJudges(['matching'], 'the samples of customers', () => {
  const landing = join(folder, 'landing');
  const lake = ['--home', join(folder, 'lake'), '--contracts', join(ROOT, 'contracts/customers')];
  const done = async (...args: string[]) => {
    const { code, stdout, stderr } = await headgate([...lake, ...args]);
    expect({ args, code, stderr: code === 0 ? '' : stderr }).toEqual({ args, code: 0, stderr: '' });
    return stdout;
  };
  const ask = async <Row>(sql: string): Promise<Row[]> => JSON.parse(await done('query', sql, '--json'));
  const xref = () => ask<XrefRow>('SELECT source_id, customer_id FROM customers.customers_xref');
  const current = async () =>
    (JSON.parse(await done('snapshots', ENTITY, '--json')) as { snapshot: string; state: string }[]).find(
      ({ state }) => state === 'current',
    )?.snapshot ?? '';
  let first: readonly XrefRow[];
  let second: readonly XrefRow[];
  let snapshots: readonly string[];

  beforeAll(async () => {
    cpSync(join(ROOT, 'samples/customers'), join(landing, 'customers'), { recursive: true });
    const { code } = await headgate([...lake, 'run', '--landing', landing]);
    expect(code).toBe(3);
    await done('match', 'run');
    first = await xref();
    const before = await current();
    await done('match', 'review', 'reject', 'customers/crm:1002', 'customers/crm:1003');
    await done('match', 'review', 'reject', 'customers/crm:1004', 'customers/crm:1005');
    await done('match', 'review', 'accept', 'customers/crm:1008', 'customers/web:lucyh');
    await done('match', 'run');
    second = await xref();
    snapshots = [before, await current()];
  }, 300_000);

  test('are 100 people, once somebody has said what no data can tell', () => {
    const isMade = ({ source_id }: XrefRow) => BY_HAND[source_id] === undefined;
    const known = groups(first.filter(isMade), ({ source_id }) => personOf(source_id));
    expect(groups(first.filter(isMade), ({ customer_id }) => customer_id)).toEqual(known);
    expect(known).toHaveLength(90);
    expect(groups(second, ({ customer_id }) => customer_id)).toEqual(
      groups(second, ({ source_id }) => personOf(source_id)),
    );
    expect([second.length, new Set(second.map(({ customer_id }) => customer_id)).size]).toEqual([192, 100]);
  });

  test('show in the marts what a person counts by hand', async () => {
    const quality = await ask<Record<string, string>>(
      'SELECT source, records, customers, shared, repeated, alone, decided_by_people FROM customers_marts.match_quality',
    );
    // crm: people 0 to 74 have an account or a card, and Sarah, Lucy, Priya and Tom; 75 to 89, twins and Johns are alone; Michael stands there twice.
    expect(quality.map((row) => Object.values(row).join(' '))).toEqual([
      'customers/crm 100 99 79 2 19 1',
      'customers/loyalty 28 28 27 0 1 0',
      'customers/web 64 63 64 2 0 1',
    ]);
    const reachable = await ask(
      'SELECT count(*) AS customers, sum(records) AS records, count_if(can_be_reached) AS reachable FROM customers_marts.customer_sources',
    );
    expect(reachable).toEqual([{ customers: '100', records: '192', reachable: '28' }]);
    // Tom has moved: the newest address is that of February.
    const [tom] = await ask(
      "SELECT s.suburb, s.postcode FROM customers_marts.customer_sources s JOIN customers.customers_xref x ON x.customer_id = s.customer_id WHERE x.source_id = '1010'",
    );
    expect(tom).toEqual({ suburb: 'bendigo', postcode: '3550' });
    const phones = await ask(
      "SELECT count(*) AS n, count_if(regexp_like(value, '^[+]61[0-9]{9}$')) AS e164 FROM customers_vault.loyalty WHERE \"column\" = 'phone'",
    );
    expect(phones).toEqual([{ n: '29', e164: '29' }]);
  });

  test('go back to an earlier match and forth again, all tables together, and stay so', async () => {
    const [before = '', after = ''] = snapshots;
    const unasked = await headgate([...lake, 'rollback', ENTITY, '--to', before]);
    expect(unasked.code).toBe(1);
    await done('rollback', ENTITY, '--to', before, '--yes');
    const sorted = (rows: readonly XrefRow[]) => rows.map((row) => JSON.stringify(row)).sort();
    expect(sorted(await xref())).toEqual(sorted(first));
    const events = "SELECT count(*) AS n FROM customers.customers_events WHERE event <> 'created'";
    expect(await ask(events)).toEqual([{ n: '0' }]);
    expect(JSON.parse(await done('match', 'run', '--json'))).toMatchObject([{ status: 'unchanged' }]);
    expect(sorted(await xref())).toEqual(sorted(first));

    await done('rollback', ENTITY, '--to', after, '--yes');
    expect(sorted(await xref())).toEqual(sorted(second));
    expect(await ask(events)).toEqual([{ n: '3' }]);
    await done('compact', ENTITY, '--yes');
    await done('expire', ENTITY, '--grace', '1', '--keep', '1', '--yes');
    expect(sorted(await xref())).toEqual(sorted(second));
    expect(JSON.parse(await done('doctor', '--json'))).toEqual([]);
  }, 120_000);
});
