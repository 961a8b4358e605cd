import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { Template } from 'aws-cdk-lib/assertions';
import { databasesOf } from '../../lib/adapters/aws/lake.ts';
import { readContracts } from '../../lib/adapters/local/contracts.ts';
import { classOf } from '../../lib/infra/tag-grants.ts';
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

interface Permissions {
  readonly Principal: {
    readonly DataLakePrincipalIdentifier: { readonly 'Fn::GetAtt': readonly [string, string] };
  };
  readonly Permissions: readonly string[];
  readonly PermissionsWithGrantOption: readonly string[];
  readonly Resource: {
    readonly LFTagPolicy: {
      readonly ResourceType: string;
      readonly Expression: readonly { readonly TagKey: string; readonly TagValues: readonly string[] }[];
    };
  };
}

test('a database is tagged with what its columns inherit: nothing of the vault is less than secret', () => {
  const inherited = resourcesOf(template, 'AWS::LakeFormation::TagAssociation').map(({ Properties }) => [
    (Properties.Resource as { Database: { Name: string } }).Database.Name,
    ...(Properties.LFTags as { TagKey: string; TagValues: string[] }[]).map(
      ({ TagKey, TagValues }) => `${TagKey} ${TagValues}`,
    ),
  ]);
  const of = (database: string) => inherited.find(([name]) => name === database)?.slice(1);
  expect(of('payments')).toEqual(['headgate-dev-class internal', 'headgate-dev-classification public']);
  expect(of('payments_vault')).toEqual(['headgate-dev-class vault', 'headgate-dev-classification secret']);
});

test.each([
  ['Analyst', ['internal'], ['public', 'internal', 'restricted']],
  ['Engineer', ['internal'], ['public', 'internal', 'restricted']],
  ['Steward', ['internal', 'restricted'], ['public', 'internal', 'restricted', 'confidential', 'secret']],
  ['Operator', ['internal'], ['public', 'internal']],
])('%s is granted databases and columns by their tags, and can pass nothing on', (name, classes, columns) => {
  const grants = resourcesOf(template, 'AWS::LakeFormation::PrincipalPermissions')
    .map(({ Properties }) => Properties as unknown as Permissions)
    .filter(({ Principal }) => Principal.DataLakePrincipalIdentifier['Fn::GetAtt'][0].startsWith(name));
  const ofClass = { TagKey: 'headgate-dev-class', TagValues: classes };
  const ofColumns = { TagKey: 'headgate-dev-classification', TagValues: columns };
  expect(grants.map(({ Resource, ...rest }) => [Resource.LFTagPolicy, rest.Permissions])).toMatchObject([
    [{ ResourceType: 'DATABASE', Expression: [ofClass] }, ['DESCRIBE']],
    [{ ResourceType: 'TABLE', Expression: [ofClass, ofColumns] }, ['DESCRIBE', 'SELECT']],
  ]);
  for (const grant of grants) expect(grant.PermissionsWithGrantOption).toEqual([]);
});

test('nobody is granted the vault', () => {
  const grants = resourcesOf(template, 'AWS::LakeFormation::PrincipalPermissions');
  expect(grants).toHaveLength(8);
  expect(JSON.stringify(grants)).not.toContain('"vault"');
});

test('the sync function may assign the classes of columns before it does, and no other tag', () => {
  const { pipeline } = stacksOf(configOf('dev'));
  expect(pipeline.dependencies.map(({ stackName }) => stackName)).toContain('headgate-dev-access');
  const deployed = Template.fromStack(pipeline);
  const grants = resourcesOf(deployed, 'AWS::LakeFormation::PrincipalPermissions');
  expect(grants.map(({ Properties }) => Properties.Resource)).toMatchObject([
    { LFTag: { TagKey: 'headgate-dev-classification' } },
    { LFTagPolicy: { ResourceType: 'TABLE' } },
  ]);
  const [trigger] = Object.values(
    deployed.toJSON().Resources as Record<string, { Type: string; DependsOn?: string[] }>,
  ).filter(({ Type }) => Type === 'Custom::Trigger');
  for (const { id } of grants) expect(trigger?.DependsOn).toContain(id);
});

test('who is to type the runbook’s commands may ask the ledger, and only an operator decides', () => {
  const able = (action: string) =>
    ['Analyst', 'Engineer', 'Steward', 'Operator'].filter((role) => policyOf(role).includes(action));
  expect(able('dynamodb:Query')).toEqual(['Engineer', 'Steward', 'Operator']);
  for (const action of ['UpdateItem', 'DeleteItem', 'ConditionCheckItem'])
    expect(able(`dynamodb:${action}`)).toEqual(['Operator']);
});

test('everyone who asks Athena may look up the database that each of its queries looks up', () => {
  const { pipeline } = stacksOf(configOf('dev'));
  const policies = [template, Template.fromStack(pipeline)]
    .flatMap((each) => resourcesOf(each))
    .filter(({ Type }) => Type === 'AWS::IAM::Policy' || Type === 'AWS::IAM::ManagedPolicy')
    .map(({ Properties }) => [JSON.stringify(Properties.Roles), JSON.stringify(Properties)] as const);
  const roles = [...Map.groupBy(policies, ([role]) => role).values()].map((each) => each.join());
  const asking = roles.filter((each) => each.includes('athena:StartQueryExecution'));
  expect(asking).toHaveLength(7);
  for (const each of asking) expect(each).toContain(':database/default"');
});

test('only an operator starts and stops executions', () => {
  const able = ['Analyst', 'Engineer', 'Steward', 'Operator'].filter((role) =>
    policyOf(role).includes('states:StartExecution'),
  );
  expect(able).toEqual(['Operator']);
});
