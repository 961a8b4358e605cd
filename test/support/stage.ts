import { randomUUID } from 'node:crypto';
import { AthenaClient, CreateWorkGroupCommand } from '@aws-sdk/client-athena';
import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { CreateStateMachineCommand, SFNClient } from '@aws-sdk/client-sfn';
import { CreateTopicCommand, SNSClient } from '@aws-sdk/client-sns';
import type { Settings } from '../../lib/adapters/aws/settings.ts';
import type { Emulator } from './ministack.ts';

/** Keys of the ledger's table, as its construct makes it. */
export const ledgerTable = (table: string) => ({
  TableName: table,
  BillingMode: 'PAY_PER_REQUEST' as const,
  AttributeDefinitions: ['partition', 'sort'].map((AttributeName) => ({
    AttributeName,
    AttributeType: 'S' as const,
  })),
  KeySchema: [
    { AttributeName: 'partition', KeyType: 'HASH' as const },
    { AttributeName: 'sort', KeyType: 'RANGE' as const },
  ],
});

/** The resources of a stage by calls of the SDK, without CDK. Its state machine does nothing: the test's interpreter runs the tasks. */
export async function makeStage({ config }: Emulator): Promise<Settings> {
  const id = randomUUID().slice(0, 8);
  const s3 = new S3Client(config);
  const bucket = async (name: string) => {
    await s3.send(new CreateBucketCommand({ Bucket: `${name}-${id}` }));
    return `${name}-${id}`;
  };
  const machine = await new SFNClient(config).send(
    new CreateStateMachineCommand({
      name: `pipeline-${id}`,
      roleArn: 'arn:aws:iam::000000000000:role/any',
      definition: JSON.stringify({ StartAt: 'Done', States: { Done: { Type: 'Succeed' } } }),
    }),
  );
  const topic = await new SNSClient(config).send(new CreateTopicCommand({ Name: `notices-${id}` }));
  const settings: Settings = {
    stage: `test-${id}`,
    landingBucket: await bucket('landing'),
    rawBucket: await bucket('raw'),
    lakeBucket: await bucket('lake'),
    vaultBucket: await bucket('vault'),
    resultsBucket: await bucket('results'),
    ledgerTable: `ledger-${id}`,
    stateMachineArn: machine.stateMachineArn ?? '',
    topicArn: topic.TopicArn ?? '',
    secretPrefix: `headgate/test-${id}/`,
    workgroup: `headgate-${id}`,
  };
  await new DynamoDBClient(config).send(new CreateTableCommand(ledgerTable(settings.ledgerTable)));
  await new SecretsManagerClient(config).send(
    new CreateSecretCommand({ Name: `${settings.secretPrefix}pii`, SecretString: '5a'.repeat(32) }),
  );
  await new AthenaClient(config).send(
    new CreateWorkGroupCommand({
      Name: settings.workgroup,
      Configuration: { ResultConfiguration: { OutputLocation: `s3://${settings.resultsBucket}/athena/` } },
    }),
  );
  return settings;
}
