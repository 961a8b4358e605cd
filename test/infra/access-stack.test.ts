import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { Template } from 'aws-cdk-lib/assertions';
import { databasesOf } from '../../lib/adapters/aws/lake.ts';
import { readContracts } from '../../lib/adapters/local/contracts.ts';
import { classOf } from '../../lib/infra/access-stack.ts';
import { ROOT } from '../support/headgate.ts';
import { configOf, resourcesOf, stacksOf } from '../support/stacks.ts';

const { access } = stacksOf(configOf('dev'));
const template = Template.fromStack(access);

const policyOf = (name: string) =>
  JSON.stringify(resourcesOf(template, 'AWS::IAM::Policy').filter(({ id }) => id.startsWith(name)));

test('every database is tagged with its class', () => {
  const tagged = resourcesOf(template, 'AWS::LakeFormation::TagAssociation').map(({ Properties }) => [
    (Properties.Resource as { Database: { Name: string } }).Database.Name,
    (Properties.LFTags as { TagValues: string[] }[])[0]?.TagValues[0],
  ]);
  const datasets = readContracts(join(ROOT, 'contracts'));
  const marts = new Set(datasets.map(({ domain }) => `${domain}_marts`));
  const databases = [...databasesOf(datasets), 'headgate', ...marts];
  expect(databases.length).toBeGreaterThanOrEqual(15);
  expect(tagged.map(([name]) => name).sort()).toEqual(databases.sort());
  for (const [name = '', tag] of tagged) expect(tag).toBe(classOf(name));
  expect(classOf('payments')).toBe('internal');
  expect(classOf('payments_marts')).toBe('internal');
  expect(classOf('payments_quarantine')).toBe('restricted');
  expect(classOf('payments_raw')).toBe('restricted');
  expect(classOf('payments_vault')).toBe('vault');
});

test.each([
  ['Analyst', ['payments', 'payments_marts'], ['payments_quarantine', 'payments_raw', 'payments_vault']],
  ['Engineer', ['payments'], ['payments_quarantine', 'payments_raw', 'payments_vault']],
  ['Steward', ['payments', 'payments_quarantine', 'payments_raw'], ['payments_vault']],
  ['Operator', ['payments'], ['payments_quarantine', 'payments_raw', 'payments_vault']],
])('%s reads what is open to them and nothing else', (role, open, closed) => {
  const policy = policyOf(role);
  for (const database of open) expect(policy).toContain(`:table/${database}/*`);
  for (const database of closed) {
    expect(policy).not.toContain(`/${database}/*`);
    expect(policy).not.toContain(`:database/${database}"`);
  }
  expect(policy).not.toContain('Vault');
  expect(policy).not.toMatch(/"(s3|glue|athena|kms):\*"/);
});

test('only an operator starts and stops executions', () => {
  const able = ['Analyst', 'Engineer', 'Steward', 'Operator'].filter((role) =>
    policyOf(role).includes('states:StartExecution'),
  );
  expect(able).toEqual(['Operator']);
});
