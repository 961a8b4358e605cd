import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { readAll } from '../../lib/adapters/local/contracts.ts';
import { dictionary } from '../../lib/reports/dictionary.ts';
import { headgate, marts, ROOT } from '../support/headgate.ts';
import { temporaryFolder } from '../support/temporary.ts';

const home = temporaryFolder('dictionary');

describe('the dictionary of what ships', () => {
  const contracts = readAll(join(ROOT, 'contracts'));
  const { datasets, marts: entries } = dictionary(contracts, marts());

  test('has every dataset, entity and mart, with an owner and a meaning', () => {
    expect(datasets).toHaveLength(contracts.datasets.length + contracts.entities.length);
    expect(entries).toHaveLength(marts().length);
    for (const { id, about, description } of datasets)
      expect({ id, owner: about.owner, purpose: about.purpose ?? description }).toEqual({
        id,
        owner: expect.any(String),
        purpose: expect.any(String),
      });
  });

  test('says of every personal column what of it shows', () => {
    const columns = [
      ...contracts.datasets.map((each) => each.columns),
      ...contracts.entities.map((each) => each.fields),
    ];
    const personal = columns.flat().filter(({ pii }) => pii !== undefined);
    const said = datasets.flatMap((each) => each.columns).filter((column) => column.personal !== undefined);
    expect(said).toHaveLength(personal.length);
    expect(new Set(said.map(({ classification }) => classification))).toEqual(new Set(['restricted']));
  });

  test('leads from files to marts and from marts to marts', () => {
    const of = (id: string) => datasets.find((each) => each.id === id);
    expect(of('customers/crm')?.readBy).toEqual(['customers/customers']);
    expect(of('customers/customers')?.from).toEqual(['customers/crm', 'customers/web', 'customers/loyalty']);
    expect(entries.find(({ name }) => name === 'hospitality_marts.report_inputs')?.readBy).toEqual([
      'hospitality_marts.report_readiness',
    ]);
    const known = [...datasets.flatMap(({ tables }) => tables), ...entries.map(({ name }) => name)];
    const unknown = entries.flatMap(({ reads }) => reads.filter((table) => !known.includes(table)));
    expect(new Set(unknown.map((table) => table.split('.')[0]))).toEqual(new Set(['headgate']));
  });
});

test('headgate dictionary prints a dataset and the marts that read it; what is wrong elsewhere does not stop it', async () => {
  const folder = join(home, 'contracts');
  cpSync(join(ROOT, 'contracts/payments'), join(folder, 'payments'), { recursive: true });
  writeFileSync(join(folder, 'wrong.odcs.yaml'), 'kind: DataContract\n');
  const one = await headgate(['--contracts', folder, 'dictionary', 'payments/transactions']);
  const golden = readFileSync(join(import.meta.dirname, 'dictionary.md'), 'utf8');
  const at = /(?<=- contract: ).*(?=payments)/;
  expect({ code: one.code, text: one.stdout.replace(at, '') }).toEqual({
    code: 0,
    text: golden.replace(at, ''),
  });
  expect(one.stderr).toContain('wrong.odcs.yaml');
  const none = await headgate(['--contracts', folder, 'dictionary', 'payments/refunds']);
  expect([none.code, none.stderr]).toEqual([
    1,
    expect.stringContaining(
      'there is no dataset payments/refunds; allowed: payments/accounts, payments/transactions',
    ),
  ]);
});
