import { spawn } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import {
  GetObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { beforeAll, expect, test } from '@jest/globals';
import type { Context } from 'aws-lambda';
import { dynamoDbLedger } from '../../lib/adapters/aws/dynamodb-ledger.ts';
import type { Settings } from '../../lib/adapters/aws/settings.ts';
import { compiled } from '../../lib/adapters/local/compiled-contracts.ts';
import { parseContract } from '../../lib/contract/parse.ts';
import { VARIABLES } from '../../lib/infra/functions.ts';
import { allFiles } from '../../lib/reports/ledger-tables.ts';
import { ROOT } from '../support/headgate.ts';
import { describeWithEmulator } from '../support/ministack.ts';
import { ordersContract } from '../support/orders-contract.ts';
import { makeStage } from '../support/stage.ts';
import { temporaryFolder } from '../support/temporary.ts';

const folder = temporaryFolder('killed');
const CONTRACT = ordersContract(
  'killed',
  `      - { name: id, logicalType: integer }
      - { name: note, logicalType: string }`,
);
const ROWS = 200_000;
const KEY = 'orders/2026-01-01.csv';
/** More than one part of an upload in parts, 5 MiB at least. */
const BODY = Buffer.from(
  `id,note\n${Array.from({ length: ROWS }, (_, id) => `${id},${'n'.repeat(60)}\n`).join('')}`,
);

describeWithEmulator('a function that is killed while it copies', (emulator) => {
  let stage: Settings;
  const s3 = () => new S3Client(emulator().config);

  beforeAll(async () => {
    stage = await makeStage(emulator());
    const datasets = join(folder, 'datasets.json');
    writeFileSync(datasets, compiled(parseContract(CONTRACT, 'orders.odcs.yaml').datasets));
    for (const [name, value] of Object.entries(stage)) process.env[VARIABLES[name as keyof Settings]] = value;
    Object.assign(process.env, emulator().environment, {
      HEADGATE_DATASETS: datasets,
      POWERTOOLS_DEV: 'false',
      POWERTOOLS_LOG_LEVEL: 'SILENT',
      POWERTOOLS_METRICS_DISABLED: 'true',
    });
  });

  const stored = async () => {
    const { Contents = [] } = await s3().send(new ListObjectsV2Command({ Bucket: stage.rawBucket }));
    return Contents.map(({ Key = '' }) => Key);
  };

  const files = () =>
    Array.fromAsync(
      allFiles(dynamoDbLedger({ client: new DynamoDBClient(emulator().config), table: stage.ledgerTable })),
    );

  test('leaves nothing that anybody sees, and the message that comes again is done whole', async () => {
    const { ETag = '' } = await s3().send(
      new PutObjectCommand({ Bucket: stage.landingBucket, Key: KEY, Body: BODY }),
    );
    const detail = {
      bucket: { name: stage.landingBucket },
      object: { key: KEY, size: BODY.length, etag: ETag.replaceAll('"', '') },
    };
    const body = { version: '0', id: randomUUID(), 'detail-type': 'Object Created', source: 'aws.s3' };
    const message = JSON.stringify({ ...body, time: new Date().toISOString(), detail });
    const event = { Records: [{ messageId: 'm', body: message }] };

    const script = join(ROOT, 'test/lambdas/scenario/copy-and-hang.ts');
    const child = spawn(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', script, JSON.stringify(event)],
      { env: { ...process.env, NODE_OPTIONS: '' }, stdio: ['ignore', 'pipe', 'inherit'] },
    );
    const ended = once(child, 'exit');
    const [said] = await Promise.race([once(child.stdout, 'data'), ended]);
    expect(String(said)).toBe('copying\n');
    child.kill('SIGKILL');
    expect(await ended).toEqual([null, 'SIGKILL']);
    const begun = await s3().send(new ListMultipartUploadsCommand({ Bucket: stage.rawBucket }));
    expect(begun.Uploads).toHaveLength(1);
    expect(await stored()).toEqual([]);
    expect(await files()).toEqual([]);

    const { handler } = await import('../../lambdas/intake/handler.ts');
    const context = {
      functionName: 'intake',
      awsRequestId: randomUUID(),
      getRemainingTimeInMillis: () => 900_000,
    };
    const answer = await handler(event as never, context as Context);
    expect(answer).toEqual({ batchItemFailures: [] });
    expect(await files()).toMatchObject([{ key: KEY, state: 'admitted', counts: { received: ROWS } }]);
    const [key] = await stored();
    const { Body } = await s3().send(new GetObjectCommand({ Bucket: stage.rawBucket, Key: key }));
    const hash = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
    expect(hash((await Body?.transformToByteArray()) ?? Buffer.of())).toBe(hash(BODY));
    expect(await stored()).toHaveLength(1);
  });
});
