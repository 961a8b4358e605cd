import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import {
  GetSecretValueCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { dynamoDbLedger } from '../../lib/adapters/aws/dynamodb-ledger.ts';
import { databasesOf } from '../../lib/adapters/aws/lake.ts';
import { readContracts } from '../../lib/adapters/local/contracts.ts';
import type { FileEntry } from '../../lib/ledger/entries.ts';
import { allFiles } from '../../lib/reports/ledger-tables.ts';
import { json } from '../support/headgate.ts';
import { receiver } from '../support/receiver.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { type Deployed, deployStage, landingFolder, missing } from './stage.ts';

const MINUTE = 60_000;
const ready = missing.length === 0;
const define = ready || process.env.CI === 'true' ? describe : describe.skip;

define(
  ready ? 'the deployed stage' : `the deployed stage [needs: npm run setup:python ${missing.join(' ')}]`,
  () => {
    const folder = temporaryFolder('deploy');
    let stage: Deployed;
    let slack: Awaited<ReturnType<typeof receiver>>;
    const { root, keys } = landingFolder(folder);

    beforeAll(async () => {
      slack = await receiver();
      stage = await deployStage(folder);
      await new SecretsManagerClient(stage.emulator.config).send(
        new PutSecretValueCommand({
          SecretId: 'headgate/dev/webhooks',
          SecretString: JSON.stringify({ slack: slack.url }),
        }),
      );
    }, 8 * MINUTE);

    afterAll(async () => {
      await stage?.stop();
    }, MINUTE);

    const land = (key: string, body: Uint8Array) =>
      new S3Client(stage.emulator.config).send(
        new PutObjectCommand({ Bucket: stage.settings.landingBucket, Key: key, Body: body }),
      );

    const files = async (): Promise<readonly FileEntry[]> => {
      const ledger = dynamoDbLedger({
        client: new DynamoDBClient(stage.emulator.config),
        table: stage.settings.ledgerTable,
      });
      const found: FileEntry[] = [];
      for await (const file of allFiles(ledger)) found.push(file);
      return found;
    };

    /** Waits until the ledger knows a number of files, none of which waits for a run. */
    const settled = async (count: number): Promise<readonly FileEntry[]> => {
      const deadline = Date.now() + 2 * MINUTE;
      let found = await files();
      while (Date.now() < deadline) {
        if (found.length >= count && found.every(({ state }) => state !== 'admitted')) return found;
        await sleep(500);
        found = await files();
      }
      throw new Error(
        `${found.length} of ${count} files, not settled: ${JSON.stringify(found.filter(({ state }) => state === 'admitted').map(({ key }) => key))}`,
      );
    };

    const states = (entries: readonly FileEntry[]) =>
      entries
        .map(({ key, state, counts }) => ({ key, state, ...counts }))
        .sort((a, b) => (a.key < b.key ? -1 : 1));

    test(
      'takes a small file to its table in seconds',
      async () => {
        const begun = Date.now();
        await land('trial/gated/2026-01-01/first.csv', Buffer.from('id,amount\n1,1.00\n2,2.50\n'));
        expect(states(await settled(1))).toEqual([
          {
            key: 'trial/gated/2026-01-01/first.csv',
            state: 'published',
            received: 2,
            published: 2,
            quarantined: 0,
            deduplicated: 0,
          },
        ]);
        const answer = await stage.headgate(
          '--env',
          'dev',
          'query',
          '--json',
          'SELECT id, amount FROM trial.gated ORDER BY id',
        );
        expect(json(answer)).toEqual([
          { id: '1', amount: '1.00' },
          { id: '2', amount: '2.50' },
        ]);
        console.log(`first file: ${Date.now() - begun} ms`);
      },
      3 * MINUTE,
    );
  },
);
