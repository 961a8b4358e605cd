import { randomUUID } from 'node:crypto';
import { AthenaClient, CreateWorkGroupCommand } from '@aws-sdk/client-athena';
import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { GlueClient } from '@aws-sdk/client-glue';
import { CreateBucketCommand, ListMultipartUploadsCommand, S3Client } from '@aws-sdk/client-s3';
import {
  CreateSecretCommand,
  DeleteSecretCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { CreateStateMachineCommand, SFNClient } from '@aws-sdk/client-sfn';
import { CreateTopicCommand, SNSClient, SubscribeCommand } from '@aws-sdk/client-sns';
import { CreateQueueCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { expect, test } from '@jest/globals';
import { athenaQueryEngine } from '../../../lib/adapters/aws/athena-query-engine.ts';
import { dynamoDbLedger } from '../../../lib/adapters/aws/dynamodb-ledger.ts';
import { glueCatalog } from '../../../lib/adapters/aws/glue-catalog.ts';
import { s3Store } from '../../../lib/adapters/aws/s3-store.ts';
import { secretsManager } from '../../../lib/adapters/aws/secrets-manager.ts';
import { snsNotifier } from '../../../lib/adapters/aws/sns-notifier.ts';
import { executionStarter, stepFunctionsExecutions } from '../../../lib/adapters/aws/step-functions.ts';
import { sqliteLedger } from '../../../lib/adapters/local/sqlite-ledger.ts';
import { ConflictError } from '../../../lib/errors.ts';
import type { Ledger } from '../../../lib/ports/ledger.ts';
import type { ObjectStore } from '../../../lib/ports/object-store.ts';
import { describeFileSets } from '../../support/file-set-suite.ts';
import { describeWithEmulator } from '../../support/ministack.ts';
import {
  describeCatalog,
  describeLedger,
  describeNotifier,
  describeObjectStore,
  describeQueryEngine,
  describeSecrets,
} from '../../support/port-suites.ts';
import { ledgerTable } from '../../support/stage.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const folder = temporaryFolder('aws-adapters');

describeWithEmulator('adapters beside the emulator', (emulator) => {
  const s3 = () => new S3Client(emulator().config);

  /** The suites make a store without waiting: the bucket is made before its first use. */
  const store = (arrivals: boolean): ObjectStore => {
    const client = s3();
    const bucket = `b-${randomUUID()}`;
    const made = client.send(new CreateBucketCommand({ Bucket: bucket }));
    return once(made, s3Store({ client, bucket, arrivals }));
  };
  describeObjectStore('S3', () => store(false));
  describeObjectStore('S3, a bucket of arrivals', () => store(true));

  const dynamoDb = () => {
    const client = new DynamoDBClient(emulator().config);
    const table = `t-${randomUUID()}`;
    const made = client.send(new CreateTableCommand(ledgerTable(table)));
    return once<Ledger>(made, dynamoDbLedger({ client, table }));
  };
  describeLedger('DynamoDB', dynamoDb);
  describeFileSets('DynamoDB', dynamoDb);

  let database = 0;
  describeCatalog('Glue', () => {
    database++;
    // The emulator has one catalogue; the suite's database is another one each time.
    const client = new GlueClient(emulator().config);
    const name = `db${database}`;
    const catalog = glueCatalog({ client, databases: [name] });
    return {
      load: (table) => catalog.load({ ...table, database: name }),
      create: (table, location) => catalog.create({ ...table, database: name }, location),
      swap: (table, expected, location) => catalog.swap({ ...table, database: name }, expected, location),
      list: async () => (await catalog.list()).map((table) => ({ ...table, database: 'db' })),
    };
  });

  describeQueryEngine('Athena', () => {
    const client = new AthenaClient(emulator().config);
    const workgroup = randomUUID();
    const bucket = `b-${randomUUID()}`;
    const made = Promise.all([
      s3().send(new CreateBucketCommand({ Bucket: bucket })),
      client.send(
        new CreateWorkGroupCommand({
          Name: workgroup,
          Configuration: { ResultConfiguration: { OutputLocation: `s3://${bucket}/` } },
        }),
      ),
    ]);
    return once(made, athenaQueryEngine({ client, workgroup }));
  });

  describeSecrets('Secrets Manager', async () => {
    const client = new SecretsManagerClient(emulator().config);
    const prefix = `headgate/${randomUUID()}/`;
    const SecretId = `${prefix}pii`;
    await client.send(new CreateSecretCommand({ Name: SecretId, SecretString: '01'.repeat(32) }));
    return {
      secrets: secretsManager({ client, prefix, ledger: sqliteLedger(`${folder}/${randomUUID()}.db`) }),
      store: async (text) => {
        await client.send(
          text === undefined
            ? new DeleteSecretCommand({ SecretId, ForceDeleteWithoutRecovery: true })
            : new PutSecretValueCommand({ SecretId, SecretString: text }),
        );
      },
    };
  });

  describeNotifier('SNS', async () => {
    const client = new SNSClient(emulator().config);
    const { TopicArn: topicArn = '' } = await client.send(new CreateTopicCommand({ Name: randomUUID() }));
    const queues = new SQSClient(emulator().config);
    const { QueueUrl = '' } = await queues.send(new CreateQueueCommand({ QueueName: randomUUID() }));
    const Endpoint = `arn:aws:sqs:eu-west-1:000000000000:${QueueUrl.split('/').at(-1)}`;
    await client.send(new SubscribeCommand({ TopicArn: topicArn, Protocol: 'sqs', Endpoint }));
    return {
      notifier: snsNotifier({ client, topicArn }),
      received: async () => {
        const { Messages = [] } = await queues.send(
          new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 10 }),
        );
        return Messages.map(({ Body = '' }) => {
          const { Message } = JSON.parse(Body) as { Message: string };
          return Object.values(flat(JSON.parse(Message))).join('\n');
        });
      },
    };
  });

  test('an upload that breaks off after its first parts leaves neither object nor parts', async () => {
    const client = s3();
    const bucket = `b-${randomUUID()}`;
    await client.send(new CreateBucketCommand({ Bucket: bucket }));
    const broken = (async function* () {
      for (let index = 0; index < 20; index++) yield Buffer.alloc(1024 * 1024);
      throw new Error('source went away');
    })();
    const stored = s3Store({ client, bucket });
    await expect(stored.write('k', broken)).rejects.toThrow('source went away');
    expect(await stored.stat('k')).toBeUndefined();
    const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: bucket }));
    expect(Uploads).toEqual([]);
  });

  test('the same bytes put again a second later are another arrival, and reading the first one fails', async () => {
    const client = s3();
    const bucket = `b-${randomUUID()}`;
    await client.send(new CreateBucketCommand({ Bucket: bucket }));
    const landing = s3Store({ client, bucket, arrivals: true });
    const first = await landing.write('k', Buffer.from('same'));
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    const second = await landing.write('k', Buffer.from('same'));
    expect(second.etag).not.toBe(first.etag);
    await landing.write('k', Buffer.from('other'));
    const read = async () => {
      for await (const _chunk of landing.read('k', { etag: first.etag }));
    };
    await expect(read()).rejects.toBeInstanceOf(ConflictError);
  });

  test('an execution is gone once it has ended, or nobody knows it any more', async () => {
    const client = new SFNClient(emulator().config);
    const machine = async (state: object) => {
      const { stateMachineArn = '' } = await client.send(
        new CreateStateMachineCommand({
          name: randomUUID(),
          roleArn: 'arn:aws:iam::000000000000:role/any',
          definition: JSON.stringify({ StartAt: 'Only', States: { Only: state } }),
        }),
      );
      return stateMachineArn;
    };
    const started = async (stateMachineArn: string) => {
      let executionArn = '';
      client.middlewareStack.add(
        (next) => async (args) => {
          const answer = await next(args);
          executionArn = (answer.output as { executionArn?: string }).executionArn ?? executionArn;
          return answer;
        },
        { step: 'initialize', name: 'spy', override: true },
      );
      await executionStarter({ client, stateMachineArn, newId: randomUUID })('retail/sales');
      return executionArn;
    };
    const { isGone } = stepFunctionsExecutions(client);
    const waiting = await started(await machine({ Type: 'Wait', Seconds: 600, End: true }));
    expect(waiting).toMatch(/:execution:.*:retail-sales-[0-9a-f]{16}$/);
    expect(await isGone(waiting)).toBe(false);
    const ended = await started(await machine({ Type: 'Succeed' }));
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect(await isGone(ended)).toBe(true);
    expect(await isGone(`${waiting}-unknown`)).toBe(true);
    expect(await isGone('laptop|42|1|1')).toBe(false);
  });
});

/** Every method waits for `ready` first. */
function once<Port extends object>(ready: Promise<unknown>, port: Port): Port {
  return new Proxy(port, {
    get(target, name) {
      const method = Reflect.get(target, name) as unknown;
      if (typeof method !== 'function') return method;
      if (name === 'read' || name === 'list')
        return async function* (...args: unknown[]) {
          await ready;
          yield* method.apply(target, args);
        };
      return async (...args: unknown[]) => {
        await ready;
        return method.apply(target, args);
      };
    },
  });
}

const flat = ({ facts = {}, ...rest }: Record<string, unknown>): Record<string, unknown> => ({
  ...rest,
  ...(facts as object),
});
