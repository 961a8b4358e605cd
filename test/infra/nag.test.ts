import { expect, test } from '@jest/globals';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { nagPacks } from '../../lib/infra/nag.ts';
import { configOf, stacksOf } from '../support/stacks.ts';

const findingsOf = ({ app }: ReturnType<typeof stacksOf>) =>
  nagPacks(app).flatMap((pack) =>
    pack.validateScope(app).violations.flatMap(({ ruleName, violatingResources }) =>
      violatingResources.map(({ constructPath }) => ({
        pack: pack.name,
        rule: ruleName,
        path: constructPath,
      })),
    ),
  );

test.each(['dev', 'uat', 'prod'])(
  'the stacks of %s break no rule of five packs that is not argued for',
  (stage) => {
    const made = stacksOf(configOf(stage));
    made.app.synth();
    expect(findingsOf(made)).toEqual([]);
  },
);

test('a bucket without protection is found by every pack that has rules for buckets: the packs do look', () => {
  const made = stacksOf(configOf('dev'));
  new Bucket(made.data, 'Canary');
  made.app.synth();
  const found = findingsOf(made);
  expect(found.filter(({ path }) => !path?.startsWith('headgate-dev-data/Canary/'))).toEqual([]);
  expect([...new Set(found.map(({ pack }) => pack))].sort()).toEqual([
    'AwsSolutions',
    'HIPAA.Security',
    'NIST.800.53.R5',
    'PCI.DSS.321',
  ]);
  expect(found.map(({ rule }) => rule)).toEqual(
    expect.arrayContaining(['AwsSolutions-S1', 'AwsSolutions-S10']),
  );
});
