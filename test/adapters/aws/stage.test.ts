import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { ListExecutionsCommand, SFNClient } from '@aws-sdk/client-sfn';
import { PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { expect, test } from '@jest/globals';
import { dynamoDbLedger } from '../../../lib/adapters/aws/dynamodb-ledger.ts';
import { settingsParameter } from '../../../lib/adapters/aws/stage-settings.ts';
import type { FileEntry, RunEntry } from '../../../lib/ledger/entries.ts';
import { introduceFile } from '../../../lib/ledger/files.ts';
import { saveRun } from '../../../lib/ledger/runs.ts';
import { type Finished, headgate, json } from '../../support/headgate.ts';
import { describeWithEmulator } from '../../support/ministack.ts';
import { makeStage } from '../../support/stage.ts';

const file: FileEntry = {
  fileId: '2026-01-31.20260131T060000000Z.abc',
  dataset: 'retail/sales',
  bucket: 'landing',
  key: 'retail/sales/2026-01-31.csv',
  etag: 'e',
  sha256: 's',
  bytes: 10,
  receivedAt: '2026-01-31T06:00:00.000Z',
  businessDate: '2026-01-31',
  state: 'held',
  reasons: [],
  counts: { received: 3, published: 0, quarantined: 0, deduplicated: 0 },
  checks: {},
  rawKey: 'k',
  rawEtag: 'e',
  fields: [],
  profile: null,
  judgedBy: '',
  runId: 'R1',
};

const run: RunEntry = {
  runId: 'R1',
  dataset: 'retail/sales',
  state: 'held',
  files: [file.fileId],
  startedAt: file.receivedAt,
  updatedAt: file.receivedAt,
  reasons: [],
};

describeWithEmulator('the command line with --env', (emulator) => {
  const ask = (...args: string[]): Promise<Finished> =>
    headgate(['--env', 'dev', ...args], emulator().environment);

  test('says what to do where there is no such stage', async () => {
    const answer = await ask('files');
    expect(answer.code).toBe(1);
    expect(answer.stderr).toContain(
      'there is no stage dev here: the parameter /headgate/dev/settings is missing',
    );
  });

  test('shows the files of the stage, asks Athena, and lets a held batch go by starting an execution', async () => {
    const { config } = emulator();
    const settings = await makeStage(emulator());
    await new SSMClient(config).send(
      new PutParameterCommand({
        Name: settingsParameter('dev'),
        Value: JSON.stringify(settings),
        Type: 'String',
      }),
    );
    const ledger = dynamoDbLedger({ client: new DynamoDBClient(config), table: settings.ledgerTable });
    await ledger.transact([
      { kind: 'put', partition: 'dataset', sort: 'retail/sales', body: { dataset: 'retail/sales' } },
    ]);
    await introduceFile(ledger, file, []);
    await saveRun(ledger, run, []);

    expect(json(await ask('files', '--json'))).toMatchObject([{ key: file.key, state: 'held', received: 3 }]);
    expect(json(await ask('query', 'SELECT 1 AS n', '--json'))).toEqual([{ n: '1' }]);
    // A workgroup of the team's, of which there is none.
    const byTeam = await headgate(['--env', 'dev', 'query', 'SELECT 1 AS n'], {
      ...emulator().environment,
      HEADGATE_TEAM: 'nobody',
    });
    expect([byTeam.code, byTeam.stderr]).toEqual([
      1,
      expect.stringContaining(`${settings.workgroup}-nobody`),
    ]);
    expect((await ask('hold', 'release', 'R1', '--yes')).code).toBe(0);
    expect(json(await ask('files', '--json'))).toMatchObject([{ key: file.key, state: 'admitted' }]);
    const { executions } = await new SFNClient(config).send(
      new ListExecutionsCommand({ stateMachineArn: settings.stateMachineArn }),
    );
    expect(executions?.map(({ name }) => name)).toEqual([expect.stringMatching(/^retail-sales-/)]);
    const refused = await ask('run');
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('in dev files are taken in as they land');
  });
});
