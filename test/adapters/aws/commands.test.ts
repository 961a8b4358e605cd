import { randomBytes, randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import {
  AthenaClient,
  GetQueryExecutionCommand,
  GetQueryResultsCommand,
  StartQueryExecutionCommand,
  StopQueryExecutionCommand,
} from '@aws-sdk/client-athena';
import {
  DynamoDBClient,
  GetItemCommand,
  QueryCommand,
  TransactWriteItemsCommand,
} from '@aws-sdk/client-dynamodb';
import { GetTableCommand, GetTablesCommand, GlueClient, UpdateTableCommand } from '@aws-sdk/client-glue';
import {
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import {
  DescribeStateMachineAliasCommand,
  SFNClient,
  StartExecutionCommand,
  UpdateStateMachineAliasCommand,
} from '@aws-sdk/client-sfn';
import { describe, expect, test } from '@jest/globals';
import { type AwsStub, mockClient } from 'aws-sdk-client-mock';
import { liveVersion, makeLive } from '../../../lib/adapters/aws/alias.ts';
import { athenaQueryEngine } from '../../../lib/adapters/aws/athena-query-engine.ts';
import { dynamoDbLedger } from '../../../lib/adapters/aws/dynamodb-ledger.ts';
import { awsError } from '../../../lib/adapters/aws/errors.ts';
import { glueCatalog } from '../../../lib/adapters/aws/glue-catalog.ts';
import { s3Store } from '../../../lib/adapters/aws/s3-store.ts';
import { executionStarter } from '../../../lib/adapters/aws/step-functions.ts';
import { ConflictError, LimitError, TerminalError, TransientError } from '../../../lib/errors.ts';
import { DEFAULT_LIMITS } from '../../../lib/pipeline/services.ts';

const serviceError = (name: string, status?: number, more: object = {}) =>
  Object.assign(new Error(`${name} happened`), { name, $metadata: { httpStatusCode: status }, ...more });

const inputs = (stub: AwsStub<never, never, never>) =>
  stub.calls().map(({ args }) => args[0].input as object);

async function text(body: AsyncIterable<Uint8Array>): Promise<string> {
  const parts = [];
  for await (const part of body) parts.push(part);
  return Buffer.concat(parts).toString();
}

describe('S3', () => {
  const client = new S3Client({ region: 'eu-west-1' });
  const store = s3Store({ client, bucket: 'b' });
  const etag = 'd'.repeat(32);

  test('writes under exactly the condition that is named, in one request', async () => {
    const stub = mockClient(client);
    stub.on(PutObjectCommand).resolves({ ETag: `"${etag}"` });
    await store.write('k', Buffer.from('x'), { kind: 'absent' });
    await store.write('k', Buffer.from('x'), { kind: 'etag', etag });
    await store.write('k', Buffer.from('x'));
    const Body = Buffer.from('x');
    expect(inputs(stub as never)).toEqual([
      { Bucket: 'b', Key: 'k', Body, IfNoneMatch: '*' },
      { Bucket: 'b', Key: 'k', Body, IfMatch: `"${etag}"` },
      { Bucket: 'b', Key: 'k', Body },
    ]);
  });

  test.each([
    ['PreconditionFailed', 412, ConflictError],
    ['ConditionalRequestConflict', 409, ConflictError],
    ['SlowDown', 503, TransientError],
    ['InternalError', 500, TransientError],
    ['AccessDenied', 403, TerminalError],
    ['NoSuchBucket', 404, TerminalError],
  ])('answers %s of a write by its family', async (name, status, family) => {
    mockClient(client).on(PutObjectCommand).rejects(serviceError(name, status));
    const answer = store.write('k', Buffer.from('x'), { kind: 'absent' });
    await expect(answer).rejects.toBeInstanceOf(family);
    await expect(answer).rejects.toThrow(`write of s3://b/k: ${name}`);
  });

  test('goes on where a body broke off, in the same version only', async () => {
    const stub = mockClient(client);
    const broken = Readable.from(
      (async function* () {
        yield Buffer.from('hello ');
        throw Object.assign(new Error('aborted'), { code: 'ECONNRESET' });
      })(),
    );
    stub
      .on(GetObjectCommand)
      .resolvesOnce({ Body: broken as never, ETag: `"${etag}"` })
      .resolvesOnce({ Body: Readable.from([Buffer.from('world')]) as never, ETag: `"${etag}"` });
    expect(await text(store.read('k'))).toBe('hello world');
    expect(inputs(stub as never)).toEqual([
      { Bucket: 'b', Key: 'k' },
      { Bucket: 'b', Key: 'k', Range: 'bytes=6-', IfMatch: `"${etag}"` },
    ]);
  });

  test('a body that breaks off every time is a passing error', async () => {
    const broken = () =>
      Readable.from(
        (async function* () {
          yield* [];
          throw Object.assign(new Error('aborted'), { code: 'ECONNRESET' });
        })(),
      );
    const stub = mockClient(client);
    stub.on(GetObjectCommand).callsFake(() => ({ Body: broken(), ETag: `"${etag}"` }));
    await expect(text(store.read('k'))).rejects.toBeInstanceOf(TransientError);
    expect(stub.calls()).toHaveLength(4);
  });

  test('pages through a long list', async () => {
    const stub = mockClient(client);
    const page = (Key: string, next?: string) => ({
      Contents: [{ Key, ETag: `"${etag}"`, Size: 1, LastModified: new Date(0) }],
      ...(next === undefined ? {} : { IsTruncated: true, NextContinuationToken: next }),
    });
    stub.on(ListObjectsV2Command).resolvesOnce(page('a', 'more')).resolvesOnce(page('b'));
    const keys = [];
    for await (const { key } of store.list('p/')) keys.push(key);
    expect(keys).toEqual(['a', 'b']);
    expect(inputs(stub as never)).toMatchObject([
      { Prefix: 'p/' },
      { Prefix: 'p/', ContinuationToken: 'more' },
    ]);
  });

  test('takes a refused look for an error and not for an object that is not there', async () => {
    mockClient(client).on(HeadObjectCommand).rejects(serviceError('403', 403));
    await expect(store.stat('k')).rejects.toBeInstanceOf(TerminalError);
  });
});

describe('DynamoDB', () => {
  const client = new DynamoDBClient({ region: 'eu-west-1' });
  const ledger = dynamoDbLedger({ client, table: 't' });
  const cancelled = (...codes: string[]) =>
    serviceError('TransactionCanceledException', 400, {
      CancellationReasons: codes.map((Code) => ({ Code })),
    });
  const put = { kind: 'put', partition: 'p', sort: 's', body: { n: 1 } } as const;

  test('writes a transaction of exactly the conditions that are named', async () => {
    const stub = mockClient(client);
    stub.on(TransactWriteItemsCommand).resolves({});
    await ledger.transact([
      { ...put, ifVersion: 0 },
      { kind: 'delete', partition: 'p', sort: 'd', ifVersion: 3 },
      { kind: 'check', partition: 'p', sort: 'c', ifVersion: 2 },
    ]);
    const key = (sort: string) => ({ TableName: 't', Key: { partition: { S: 'p' }, sort: { S: sort } } });
    const names = { '#v': 'version' };
    expect(inputs(stub as never)).toMatchObject([
      {
        TransactItems: [
          {
            Update: {
              ...key('s'),
              ConditionExpression: 'attribute_not_exists(#v)',
              UpdateExpression: 'SET #kept = :body REMOVE #dropped, #expires ADD #v :one',
              ExpressionAttributeNames: {
                ...names,
                '#kept': 'body',
                '#dropped': 'zipped',
                '#expires': 'expires',
              },
              ExpressionAttributeValues: { ':body': { S: '{"n":1}' }, ':one': { N: '1' } },
            },
          },
          {
            Delete: {
              ...key('d'),
              ConditionExpression: '#v = :expected',
              ExpressionAttributeNames: names,
              ExpressionAttributeValues: { ':expected': { N: '3' } },
            },
          },
          { ConditionCheck: { ...key('c'), ConditionExpression: '#v = :expected' } },
        ],
      },
    ]);
  });

  test('what nobody needs any more carries the time from which DynamoDB may drop it', async () => {
    const stub = mockClient(client);
    stub.on(TransactWriteItemsCommand).resolves({});
    await ledger.transact([{ ...put, expires: new Date('2026-02-01T00:00:00.500Z') }]);
    expect(inputs(stub as never)).toMatchObject([
      {
        TransactItems: [
          {
            Update: {
              UpdateExpression: 'SET #kept = :body, #expires = :until REMOVE #dropped ADD #v :one',
              ExpressionAttributeNames: { '#expires': 'expires' },
              ExpressionAttributeValues: { ':until': { N: '1769904001' } },
            },
          },
        ],
      },
    ]);
  });

  test('a condition that did not hold is an answer, whatever else went on', async () => {
    mockClient(client)
      .on(TransactWriteItemsCommand)
      .rejects(cancelled('None', 'TransactionConflict', 'ConditionalCheckFailed'));
    expect(await ledger.transact([put])).toBe('conflict');
  });

  test('waits while others work on the same items, and says so when it stays so', async () => {
    const stub = mockClient(client);
    stub
      .on(TransactWriteItemsCommand)
      .rejectsOnce(cancelled('TransactionConflict'))
      .rejectsOnce(cancelled('ThrottlingError'))
      .resolves({});
    expect(await ledger.transact([put])).toBe('done');
    expect(stub.calls()).toHaveLength(3);
    const busy = mockClient(client);
    busy.on(TransactWriteItemsCommand).rejects(cancelled('TransactionConflict'));
    await expect(ledger.transact([put])).rejects.toBeInstanceOf(TransientError);
    expect(busy.calls()).toHaveLength(8);
  }, 30_000);

  test('refuses an entry that no item holds, before it asks', async () => {
    const stub = mockClient(client);
    const body = Array.from({ length: 30_000 }, () => randomUUID());
    const answer = ledger.transact([{ ...put, body }]);
    await expect(answer).rejects.toBeInstanceOf(TerminalError);
    await expect(answer).rejects.toThrow(/the entry s of p has \d+ bytes compressed; allowed: 405504/);
    expect(stub.calls()).toEqual([]);
  });

  test('asks for every entry consistently: an older one would be another decision', async () => {
    const stub = mockClient(client);
    stub.on(GetItemCommand).resolves({}).on(QueryCommand).resolves({ Items: [] });
    await ledger.get('p', 's');
    await ledger.query({ partition: 'p' });
    await ledger.query({ partition: 'p', prefix: 'a', after: 'b', descending: true });
    const asked = inputs(stub as never) as readonly { readonly ConsistentRead?: boolean }[];
    expect(asked.map(({ ConsistentRead }) => ConsistentRead)).toEqual([true, true, true]);
  });

  test('pages until the limit is reached, consistently', async () => {
    const stub = mockClient(client);
    const item = (sort: string) => ({
      partition: { S: 'p' },
      sort: { S: sort },
      version: { N: '1' },
      body: { S: '1' },
    });
    const last = { partition: { S: 'p' }, sort: { S: 'b' } };
    stub
      .on(QueryCommand)
      .resolvesOnce({ Items: [item('a'), item('b')], LastEvaluatedKey: last })
      .resolvesOnce({ Items: [item('c'), item('d')] });
    expect((await ledger.query({ partition: 'p', limit: 3 })).map(({ sort }) => sort)).toEqual([
      'a',
      'b',
      'c',
    ]);
    expect(inputs(stub as never)).toMatchObject([
      { ConsistentRead: true, Limit: 3 },
      { ExclusiveStartKey: last, Limit: 1 },
    ]);
  });
});

describe('an item of DynamoDB, 400 KB at most', () => {
  const client = new DynamoDBClient({ region: 'eu-west-1' });
  const ledger = dynamoDbLedger({ client, table: 't' });
  const put = (body: unknown) => ledger.transact([{ kind: 'put', partition: 'p', sort: 's', body }]);
  /** Hexadecimal digits shrink to half and no further. */
  const random = (bytes: number) => randomBytes(bytes).toString('hex');

  test('holds a run of as many files as a batch may have, whose rows left the tables', async () => {
    const stub = mockClient(client);
    stub.on(TransactWriteItemsCommand).resolves({});
    const files = Array.from(
      { length: DEFAULT_LIMITS.files },
      () => `2026-01-31.20261121T042359123Z.${random(6)}`,
    );
    expect(await put({ runId: random(8), files, withdraws: files })).toBe('done');
    const [{ args } = { args: [] }] = stub.commandCalls(TransactWriteItemsCommand);
    const body = args[0]?.input.TransactItems?.[0]?.Update?.ExpressionAttributeValues?.[':body'];
    expect(body?.B?.length).toBeLessThan(300_000);
  });

  test('refuses what does not fit, by its size, before anything is written', async () => {
    const stub = mockClient(client);
    stub.on(TransactWriteItemsCommand).resolves({});
    const answer = put({ secret: random(400 * 1024) });
    await expect(answer).rejects.toBeInstanceOf(TerminalError);
    await expect(answer).rejects.toThrow(/bytes/);
    await expect(answer).rejects.not.toThrow(/[0-9a-f]{40}/);
    expect(stub.calls()).toHaveLength(0);
    expect(await put({ long: 'x'.repeat(2_000_000) })).toBe('done');
  });
});

describe('Glue', () => {
  const client = new GlueClient({ region: 'eu-west-1' });
  const catalog = glueCatalog({ client, databases: ['db', 'missing'] });
  const table = {
    Name: 'tbl',
    VersionId: '7',
    Owner: 'someone',
    CreateTime: new Date(0),
    StorageDescriptor: { Location: 's3://b/db/tbl', Columns: [{ Name: 'id', Type: 'int' }] },
    Parameters: { table_type: 'ICEBERG', metadata_location: 'm1', comment: 'kept' },
  };

  test('swaps by VersionId and keeps what others have set', async () => {
    const stub = mockClient(client);
    stub.on(GetTableCommand).resolves({ Table: table }).on(UpdateTableCommand).resolves({});
    expect(
      await catalog.swap({ database: 'db', name: 'tbl' }, { metadataLocation: 'm1', version: '7' }, 'm2'),
    ).toBe('swapped');
    expect(inputs(stub as never)[1]).toEqual({
      DatabaseName: 'db',
      VersionId: '7',
      SkipArchive: true,
      TableInput: {
        Name: 'tbl',
        Owner: 'someone',
        StorageDescriptor: table.StorageDescriptor,
        Parameters: {
          table_type: 'ICEBERG',
          metadata_location: 'm2',
          previous_metadata_location: 'm1',
          comment: 'kept',
        },
      },
    });
  });

  test('answers conflict where another was faster, and an error where Glue is busy', async () => {
    const pointer = { metadataLocation: 'm1', version: '7' };
    const name = { database: 'db', name: 'tbl' };
    const stub = mockClient(client);
    stub.on(GetTableCommand).resolves({ Table: table });
    stub.on(UpdateTableCommand).rejects(serviceError('ConcurrentModificationException', 400));
    expect(await catalog.swap(name, pointer, 'm2')).toBe('conflict');
    stub.on(UpdateTableCommand).rejects(serviceError('ThrottlingException', 400));
    await expect(catalog.swap(name, pointer, 'm2')).rejects.toBeInstanceOf(TransientError);
    stub.on(GetTableCommand).resolves({ Table: { ...table, VersionId: '8' } });
    stub.on(UpdateTableCommand).rejects(new Error('must not be asked'));
    expect(await catalog.swap(name, pointer, 'm2')).toBe('conflict');
  });

  test('lists the Iceberg tables of its own databases, all pages of them', async () => {
    const stub = mockClient(client);
    stub
      .on(GetTablesCommand, { DatabaseName: 'db' })
      .resolves({ TableList: [{ Name: 'view' }, table], NextToken: 'more' })
      .on(GetTablesCommand, { DatabaseName: 'db', NextToken: 'more' })
      .resolves({ TableList: [{ ...table, Name: 'another' }] })
      .on(GetTablesCommand, { DatabaseName: 'missing' })
      .rejects(serviceError('EntityNotFoundException', 400));
    expect(await catalog.list()).toEqual([
      { database: 'db', name: 'another' },
      { database: 'db', name: 'tbl' },
    ]);
  });
});

describe('Athena', () => {
  const client = new AthenaClient({ region: 'eu-west-1' });
  const engine = athenaQueryEngine({ client, workgroup: 'w' });
  const running = { QueryExecution: { Status: { State: 'RUNNING' as const } } };

  test('polls until the end, pages through the rows, and says what was scanned', async () => {
    const stub = mockClient(client);
    const row = (value: string | undefined) => ({
      Data: [value === undefined ? {} : { VarCharValue: value }],
    });
    const ResultSetMetadata = { ColumnInfo: [{ Name: 'n', Type: 'integer' }] };
    stub
      .on(StartQueryExecutionCommand)
      .resolves({ QueryExecutionId: 'q' })
      .on(GetQueryExecutionCommand)
      .resolvesOnce(running)
      .resolves({
        QueryExecution: {
          StatementType: 'DML',
          Status: { State: 'SUCCEEDED' },
          Statistics: { DataScannedInBytes: 1234 },
        },
      })
      .on(GetQueryResultsCommand)
      .resolvesOnce({ ResultSet: { ResultSetMetadata, Rows: [row('n'), row('1')] }, NextToken: 'more' })
      .resolvesOnce({ ResultSet: { ResultSetMetadata, Rows: [row(undefined), row('3')] } });
    expect(await engine.query('SELECT n')).toEqual({
      columns: [{ name: 'n', type: 'integer' }],
      rows: [['1'], [null], ['3']],
      bytesScanned: 1234,
    });
    expect(inputs(stub as never)[0]).toMatchObject({ QueryString: 'SELECT n', WorkGroup: 'w' });
  });

  test.each([
    [true, TransientError],
    [false, TerminalError],
  ])(
    'a failure that Athena calls retryable (%s) is of that family, with its reason',
    async (Retryable, family) => {
      const Status = {
        State: 'FAILED' as const,
        StateChangeReason: 'COLUMN_NOT_FOUND',
        AthenaError: { Retryable },
      };
      mockClient(client)
        .on(StartQueryExecutionCommand)
        .resolves({ QueryExecutionId: 'q' })
        .on(GetQueryExecutionCommand)
        .resolves({ QueryExecution: { Status } });
      await expect(engine.query('SELECT n')).rejects.toBeInstanceOf(family);
      await expect(engine.query('SELECT n')).rejects.toThrow('COLUMN_NOT_FOUND');
    },
  );
});

describe('an Athena query that nobody waits for any more', () => {
  const client = new AthenaClient({ region: 'eu-west-1' });
  const engine = athenaQueryEngine({ client, workgroup: 'w' });

  test.each([
    ['its time is over', () => ({ seconds: 0.3 }), LimitError, 'did not end within 0.3 seconds'],
    ['the one who asks gives up', () => ({ signal: AbortSignal.timeout(100) }), DOMException, 'aborted'],
  ])('is stopped: %s', async (_what, options, family, message) => {
    const stub = mockClient(client);
    stub.on(StartQueryExecutionCommand).resolves({ QueryExecutionId: 'q' });
    stub.on(GetQueryExecutionCommand).resolves({ QueryExecution: { Status: { State: 'RUNNING' } } });
    const answer = engine.query('SELECT n', options());
    await expect(answer).rejects.toBeInstanceOf(family);
    await expect(answer).rejects.toThrow(message);
    expect(stub.commandCalls(StopQueryExecutionCommand).map(({ args }) => args[0].input)).toEqual([
      { QueryExecutionId: 'q' },
    ]);
  });

  test('is stopped where its state can’t be asked for, and not where it has ended', async () => {
    const stub = mockClient(client);
    stub.on(StartQueryExecutionCommand).resolves({ QueryExecutionId: 'q' });
    stub.on(GetQueryExecutionCommand).rejects(new Error('broken'));
    await expect(engine.query('SELECT n')).rejects.toThrow('broken');
    expect(stub.commandCalls(StopQueryExecutionCommand)).toHaveLength(1);
    stub.on(GetQueryExecutionCommand).resolves({ QueryExecution: { Status: { State: 'FAILED' } } });
    await expect(engine.query('SELECT n')).rejects.toThrow('failed');
    expect(stub.commandCalls(StopQueryExecutionCommand)).toHaveLength(1);
  });
});

describe('Step Functions', () => {
  test('starts an execution under a name that its rules allow', async () => {
    const client = new SFNClient({ region: 'eu-west-1' });
    const stub = mockClient(client);
    stub.on(StartExecutionCommand).resolves({});
    await executionStarter({ client, stateMachineArn: 'arn:m', newId: () => 'id' })(`ä/${'x'.repeat(100)}`);
    const [input] = inputs(stub as never) as { name: string; input: string }[];
    expect(input?.name).toMatch(/^[A-Za-z0-9_-]{1,80}$/);
    expect(input?.input).toBe(JSON.stringify({ dataset: `ä/${'x'.repeat(100)}` }));
  });
});

describe('errors of AWS', () => {
  test.each([
    ['ThrottlingException', 400, TransientError],
    ['KMS.ThrottlingException', 400, TransientError],
    ['ProvisionedThroughputExceededException', 400, TransientError],
    ['ExpiredTokenException', 400, TransientError],
    ['Unheard', 429, TransientError],
    ['Unheard', 502, TransientError],
    ['Unheard', undefined, TransientError],
    ['ValidationException', 400, TerminalError],
    ['AccessDeniedException', 400, TerminalError],
    ['ConditionalCheckFailedException', 400, ConflictError],
  ])('%s with status %s', (name, status, family) => {
    expect(awsError('call', serviceError(name, status))).toBeInstanceOf(family);
  });

  test('a broken connection passes; an error of ours or of a body stays what it is', () => {
    expect(awsError('call', Object.assign(new Error('x'), { code: 'ECONNREFUSED' }))).toBeInstanceOf(
      TransientError,
    );
    const ours = new TerminalError('x', { fault: 'source' });
    expect(awsError('call', ours)).toBe(ours);
    const body = new Error('source went away');
    expect(awsError('call', body)).toBe(body);
  });
});

describe('the alias that is live', () => {
  const client = new SFNClient({ region: 'eu-west-1' });
  const alias = 'arn:aws:states:eu-west-1:1:stateMachine:m:live';

  test('names the version before a deploy, and none before the first', async () => {
    const stub = mockClient(client);
    stub
      .on(DescribeStateMachineAliasCommand)
      .resolvesOnce({ routingConfiguration: [{ stateMachineVersionArn: 'm:3', weight: 100 }] })
      .rejectsOnce(serviceError('ResourceNotFound', 400))
      .rejects(serviceError('AccessDeniedException', 400));
    expect(await liveVersion(client, alias)).toBe('m:3');
    expect(await liveVersion(client, alias)).toBeUndefined();
    await expect(liveVersion(client, alias)).rejects.toBeInstanceOf(TerminalError);
    expect(inputs(stub as never)[0]).toEqual({ stateMachineAliasArn: alias });
  });

  test('goes back to it whole', async () => {
    const stub = mockClient(client);
    stub.on(UpdateStateMachineAliasCommand).resolves({});
    await makeLive(client, alias, 'm:3');
    expect(inputs(stub as never)).toEqual([
      { stateMachineAliasArn: alias, routingConfiguration: [{ stateMachineVersionArn: 'm:3', weight: 100 }] },
    ]);
  });
});
