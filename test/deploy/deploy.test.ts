import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { GetObjectCommand, PutObjectCommand, paginateListObjectsV2, S3Client } from '@aws-sdk/client-s3';
import { PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { dynamoDbLedger } from '../../lib/adapters/aws/dynamodb-ledger.ts';
import type { FileEntry } from '../../lib/ledger/entries.ts';
import { acquire, lockOf } from '../../lib/ledger/locks.ts';
import { hmacPads } from '../../lib/privacy/pads.ts';
import { allFiles } from '../../lib/reports/ledger-tables.ts';
import { json } from '../support/headgate.ts';
import { receiver } from '../support/receiver.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { GAPS } from './gaps.ts';
import { type Deployed, deployStage, landingFolder, missing } from './stage.ts';

const MINUTE = 60_000;
const ready = missing.length === 0;
const define = ready || process.env.CI === 'true' ? describe : describe.skip;
const suite = ready ? 'the deployed stage' : `the deployed stage [npm run setup:python ${missing.join(' ')}]`;

const TABLES = [
  'orders.orders',
  'orders_quarantine.orders',
  'payments.transactions',
  'payments_quarantine.transactions',
  'payments.accounts',
  'payments_quarantine.accounts',
  'retail.sales',
  'retail_quarantine.sales',
  'payments_marts.refunds_monthly',
  'payments_marts.orphan_refunds',
  'payments_marts.refund_restatements',
  'orders_marts.orders_valid',
  'retail_marts.cancellations_monthly',
];
/** Tables into which none of the files puts a row. */
const EMPTY = ['retail_quarantine.sales'];

define(suite, () => {
  const folder = temporaryFolder('deploy');
  let stage: Deployed;
  let slack: Awaited<ReturnType<typeof receiver>>;
  let root = '';
  /** 64 hexadecimal digits. */
  let key = '';
  let keys: readonly string[] = [];

  beforeAll(async () => {
    ({ root, keys } = landingFolder(folder));
    slack = await receiver();
    stage = await deployStage(folder);
    const secrets = new SecretsManagerClient(stage.emulator.config);
    const SecretString = JSON.stringify({ slack: slack.url });
    await secrets.send(new PutSecretValueCommand({ SecretId: 'headgate/dev/webhooks', SecretString }));
    // MiniStack's generator knows neither ExcludePunctuation nor ExcludeUppercase, so the key that it made is no hexadecimal one.
    key = randomBytes(32).toString('hex');
    await secrets.send(new PutSecretValueCommand({ SecretId: 'headgate/dev/pii', SecretString: key }));
    // With the same key the laptop makes the same tokens.
    mkdirSync(join(folder, 'laptop/keys'), { recursive: true, mode: 0o700 });
    writeFileSync(join(folder, 'laptop/keys/pii.key'), key, { mode: 0o600 });
  }, 15 * MINUTE);

  afterAll(async () => {
    await stage?.stop();
  }, MINUTE);

  const land = (key: string, body: Uint8Array) =>
    new S3Client(stage.emulator.config).send(
      new PutObjectCommand({ Bucket: stage.settings.landingBucket, Key: key, Body: body }),
    );

  const ledger = () =>
    dynamoDbLedger({
      client: new DynamoDBClient(stage.emulator.config),
      table: stage.settings.ledgerTable,
    });

  const files = async (): Promise<readonly FileEntry[]> => {
    const found: FileEntry[] = [];
    for await (const file of allFiles(ledger())) found.push(file);
    return found;
  };

  /** Asks twice a second, two minutes at most, until the answer is one. */
  const eventually = async <Answer>(ask: () => Promise<Answer | undefined>, what: () => Promise<string>) => {
    for (const deadline = Date.now() + 2 * MINUTE; Date.now() < deadline; await sleep(500)) {
      const answer = await ask();
      if (answer !== undefined) return answer;
    }
    throw new Error(await what());
  };

  /** All files once there are so many and none of them waits for a run. */
  const settled = (count: number): Promise<readonly FileEntry[]> =>
    eventually(
      async () => {
        const found = await files();
        return found.length >= count && found.every(({ state }) => state !== 'admitted') ? found : undefined;
      },
      async () => {
        const found = await files();
        const waiting = found.filter(({ state }) => state === 'admitted').map(({ key }) => key);
        return `${found.length} of ${count} files have come, ${waiting.length} wait: ${waiting.slice(0, 5)}`;
      },
    );

  const inState = (key: string, state: FileEntry['state']): Promise<FileEntry> =>
    eventually(
      async () => (await files()).find((each) => each.key === key && each.state === state),
      async () => `${key} is not ${state}`,
    );

  const told = (text: string): Promise<string> =>
    eventually(
      async () => slack.deliveries.find(({ body }) => body.includes(text))?.body,
      async () =>
        `Slack was told of ${slack.deliveries.map(({ body }) => body.slice(0, 100))}, not of ${text}`,
    );

  /** Logs of the emulator with those of its functions, of Spark, and every plan, job and answer. */
  const everythingSaid = async (): Promise<string> => {
    const s3 = new S3Client(stage.emulator.config);
    const bucket = { Bucket: stage.settings.resultsBucket };
    const said = stage.logs.map((log) => readFileSync(log, 'utf8'));
    for await (const { Contents = [] } of paginateListObjectsV2({ client: s3 }, bucket)) {
      for (const { Key } of Contents) {
        const { Body } = await s3.send(new GetObjectCommand({ ...bucket, Key }));
        if (Key?.startsWith('athena/') === false) said.push((await Body?.transformToString()) ?? '');
      }
    }
    return said.join('\n');
  };

  const query = async (ask: Deployed['headgate'], sql: string) =>
    json<Record<string, unknown>[]>(await ask('query', '--json', sql));

  const countOf = async (table: string) =>
    (await query(stage.headgate, `SELECT count(*) AS n FROM ${table}`))[0]?.n;

  const csv = (...rows: readonly string[]) => Buffer.from(`id,amount\n${rows.join('\n')}\n`);
  const gated = (name: string) => `trial/gated/2026-01-01/${name}.csv`;

  test(
    'stands as its templates say, but for the known gaps of the emulator',
    async () => {
      const { resources, differences } = await stage.readBack();
      expect(resources).toBeGreaterThan(150);
      const isGap = ({ type, property }: { readonly type: string; readonly property: string }) =>
        GAPS.some((gap) => gap.type === type && gap.property === property);
      const lines = differences
        .filter((each) => !isGap(each))
        .map(
          ({ id, type, property, wanted, found }) =>
            `${type} ${property} of ${id}: ${JSON.stringify(wanted)}, not ${JSON.stringify(found)}`,
        );
      expect(lines).toEqual([]);
      const told = differences.map(({ type, property }) => `${type} ${property}`);
      expect(GAPS.filter(({ type, property }) => !told.includes(`${type} ${property}`))).toEqual([]);
    },
    MINUTE,
  );

  test(
    'has given every classified column of its tables the class of its contract',
    async () => {
      const classes = async (DatabaseName: string) => {
        const { LFTagsOnColumns = [] } = await stage.call<{
          LFTagsOnColumns?: { Name: string; LFTags: { TagKey: string; TagValues: string[] }[] }[];
        }>('lakeformation', 'get_resource_lf_tags', {
          Resource: { Table: { DatabaseName, Name: 'accounts' } },
          ShowAssignedLFTags: true,
        });
        return LFTagsOnColumns.map(({ Name, LFTags }) => [
          Name,
          ...LFTags.flatMap(({ TagValues }) => TagValues),
        ]);
      };
      const restricted = ['holder_name', 'phone'].map((name) => [name, 'restricted']);
      expect(await classes('payments')).toEqual(expect.arrayContaining(restricted));
      expect(await classes('payments_quarantine')).toEqual(expect.arrayContaining(restricted));
      expect(await classes('payments_vault')).toEqual([]);
    },
    MINUTE,
  );

  test(
    'takes a small file to its table',
    async () => {
      const landed = performance.now();
      await land(gated('first'), csv('1,1.00', '2,2.50'));
      const [file] = await settled(1);
      expect(file).toMatchObject({ state: 'published', counts: { received: 2, published: 2 } });
      expect(await query(stage.headgate, 'SELECT id, amount FROM trial.gated ORDER BY id')).toEqual([
        { id: '1', amount: '1.00' },
        { id: '2', amount: '2.50' },
      ]);
      console.log(
        `from object created to rows shown: ${((performance.now() - landed) / 1000).toFixed(1)} s, cold functions, polls and a first query included`,
      );
    },
    3 * MINUTE,
  );

  test(
    'makes of samples and 95 real files at once what a laptop makes of them',
    async () => {
      const before = (await files()).length;
      const repeated = keys.filter((name) => name.endsWith('2026-02-28/part-1.csv.gz'));
      const others = keys.filter((name) => !repeated.includes(name));
      await Promise.all(others.map((key) => land(key, readFileSync(join(root, key)))));
      await settled(before + others.length);
      // Which of two names of the same bytes is the duplicate depends on which came first: on a laptop the first by name.
      expect(repeated).toHaveLength(1);
      for (const name of repeated) await land(name, readFileSync(join(root, name)));
      const found = await settled(before + keys.length);
      await stage.laptop('run', '--landing', root);

      const expected = json<Record<string, string | number>[]>(
        await stage.laptop('files', '--json', '--last', '1000'),
      );
      expect(expected).toHaveLength(keys.length);
      const outcome = found
        .filter(({ dataset }) => !dataset.startsWith('trial/'))
        .map(({ key, state, counts }) => JSON.stringify([key, state, ...COUNTS.map((name) => counts[name])]));
      expect(outcome.sort()).toEqual(
        expected
          .map((row) => JSON.stringify([row.key, row.state, ...COUNTS.map((name) => row[name])]))
          .sort(),
      );
    },
    5 * MINUTE,
  );

  test.each(TABLES)(
    '%s is equal to the laptop’s to the row',
    async (table) => {
      const sql = `SELECT * FROM ${table}`;
      const [there, here] = [await query(stage.headgate, sql), await query(stage.laptop, sql)];
      expect(there.map(comparable).sort()).toEqual(here.map(comparable).sort());
      expect(here.length > 0).toBe(!EMPTY.includes(table));
    },
    2 * MINUTE,
  );

  test(
    'shows the ledger in Athena as the laptop shows its own, and marts that read it',
    async () => {
      const answer = await stage.call<{ FunctionError?: string }>('lambda', 'invoke', {
        FunctionName: 'headgate-dev-mirror',
        Payload: '{}',
      });
      expect(answer.FunctionError).toBeUndefined();
      const states =
        "SELECT dataset, state, count(*) AS n, sum(received) AS received FROM headgate.files WHERE dataset NOT LIKE 'trial/%' GROUP BY 1, 2 ORDER BY 1, 2";
      // How the files were cut into runs differs, what the checks found in their rows does not.
      const checks =
        "SELECT dataset, check_name, CAST(sum(value) AS bigint) AS failing FROM headgate.check_results WHERE source = 'run' AND expected IS NULL AND dataset NOT LIKE 'trial/%' GROUP BY 1, 2 ORDER BY 1, 2";
      const readiness = 'SELECT * FROM hospitality_marts.report_readiness';
      for (const sql of [states, checks, readiness]) {
        const [there, here] = [await query(stage.headgate, sql), await query(stage.laptop, sql)];
        expect(there.map(comparable)).toEqual(here.map(comparable));
        expect(here.length > 0).toBe(sql !== readiness);
      }
    },
    2 * MINUTE,
  );

  interface Queue {
    readonly url: string;
    readonly deadLetters: string;
  }

  const attributesOf = async (url: string, names: readonly string[]) =>
    (
      await stage.call<{ Attributes?: Record<string, string> }>('sqs', 'get_queue_attributes', {
        QueueUrl: url,
        AttributeNames: names,
      })
    ).Attributes ?? {};

  /** The queue that has dead letters behind it: intake's. */
  const intakeQueue = async (): Promise<Queue> => {
    const { QueueUrls } = await stage.call<{ QueueUrls: string[] }>('sqs', 'list_queues', {});
    for (const url of QueueUrls) {
      const { RedrivePolicy } = await attributesOf(url, ['RedrivePolicy']);
      if (RedrivePolicy === undefined) continue;
      const policy = JSON.parse(RedrivePolicy) as { deadLetterTargetArn: string };
      const name = policy.deadLetterTargetArn.split(':').at(-1);
      const deadLetters = QueueUrls.find((each) => each.endsWith(`/${name}`)) ?? '';
      return { url, deadLetters };
    }
    throw new Error('no queue has dead letters');
  };

  const untilMessages = (url: string, wanted: number) => {
    const names = ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'];
    const count = async () => {
      const attributes = await attributesOf(url, names);
      return names.reduce((sum, name) => sum + Number(attributes[name]), 0);
    };
    return eventually(
      async () => ((await count()) === wanted ? true : undefined),
      async () => `${url} holds ${await count()} messages`,
    );
  };

  /** What *Start DLQ redrive* does, which MiniStack lacks. */
  const redrive = async ({ url, deadLetters }: Queue) => {
    type Received = { Messages?: { Body: string; ReceiptHandle: string }[] };
    const { Messages = [] } = await stage.call<Received>('sqs', 'receive_message', { QueueUrl: deadLetters });
    for (const { Body, ReceiptHandle } of Messages) {
      await stage.call('sqs', 'send_message', { QueueUrl: url, MessageBody: Body });
      await stage.call('sqs', 'delete_message', { QueueUrl: deadLetters, ReceiptHandle });
    }
  };

  test(
    'an event that comes again changes nothing',
    async () => {
      const before = await files();
      const body = csv('10,1.00');
      const { ETag = '' } = await land(gated('twice'), body);
      await settled(before.length + 1);
      const { url } = await intakeQueue();
      const object = { key: gated('twice'), size: body.length, etag: ETag.replaceAll('"', '') };
      const event = {
        source: 'aws.s3',
        'detail-type': 'Object Created',
        time: new Date().toISOString(),
        detail: { bucket: { name: stage.settings.landingBucket }, object },
      };
      for (let time = 0; time < 3; time++)
        await stage.call('sqs', 'send_message', { QueueUrl: url, MessageBody: JSON.stringify(event) });
      await untilMessages(url, 0);
      expect(await files()).toHaveLength(before.length + 1);
      expect(await countOf('trial.gated WHERE id = 10')).toBe('1');
    },
    3 * MINUTE,
  );

  test(
    'a file that nobody can read is found among others and quarantined alone',
    async () => {
      const before = await files();
      const body = await parquet(join(folder, 'packed.parquet'));
      const bad = Buffer.from(body);
      // Pages of the first column; the footer, which intake reads, stays whole.
      bad.fill(0xff, 40, 400);
      const name = (day: number) => `trial/packed/2026-01-0${day}/rows.parquet`;
      const other = await parquet(join(folder, 'other.parquet'), 5000);
      await Promise.all([land(name(1), body), land(name(2), bad), land(name(3), other)]);
      const found = (await settled(before.length + 3)).filter(({ dataset }) => dataset === 'trial/packed');
      const outcome = found.map(({ key, state, reasons }) => [
        key,
        state,
        ...reasons.map(({ code }) => code),
      ]);
      expect(outcome.sort()).toEqual([
        [name(1), 'published'],
        [name(2), 'quarantined', 'file.poison'],
        [name(3), 'published'],
      ]);
      expect(await countOf('trial.packed')).toBe('2000');
      expect(await told('file.poison')).toContain(name(2));
    },
    3 * MINUTE,
  );

  test(
    'a file of a dataset that forces Spark goes through the Glue job, and no key stands in a log, a plan or an answer',
    async () => {
      const before = await files();
      const name = 'trial/large/2026-01-01/rows.csv';
      const rows = [
        'id,amount,phone',
        '1,1.00,+31 20 1234567',
        '2,2.00,+31 20 7654321',
        '3,x,+31 20 1234567',
      ];
      const many = Array.from({ length: 100 }, (_, index) => `${index + 10},5.00,`);
      await land(name, Buffer.from(`${[...rows, ...many].join('\n')}\n`));
      const found = (await settled(before.length + 1)).find((file) => file.key === name);
      expect(found).toMatchObject({
        state: 'published',
        counts: { received: 103, published: 102, quarantined: 1, deduplicated: 0 },
      });
      const run = JSON.parse((await stage.headgate('runs', 'show', found?.runId ?? '')).stdout) as object;
      expect(run).toMatchObject({ state: 'published', engine: 'spark' });
      const small = join(folder, 'landing-of-large');
      mkdirSync(dirname(join(small, name)), { recursive: true });
      writeFileSync(join(small, name), `${[...rows, ...many].join('\n')}\n`);
      await stage.laptop('run', '--landing', small, '--engine', 'duckdb');
      for (const table of ['trial.large', 'trial_quarantine.large']) {
        const sql = `SELECT * FROM ${table}`;
        const [there, here] = [await query(stage.headgate, sql), await query(stage.laptop, sql)];
        expect(there.map(comparable).sort()).toEqual(here.map(comparable).sort());
      }
      const said = await everythingSaid();
      expect(said).toContain(found?.runId);
      expect(key).toMatch(/^[0-9a-f]{64}$/);
      const { inner, outer } = hmacPads(Buffer.from(key, 'hex'));
      for (const each of [key, inner, outer, '1234567']) expect(said.includes(each)).toBe(false);
    },
    5 * MINUTE,
  );

  test(
    'takes a dataset over from an execution whose lease has ended',
    async () => {
      const before = await files();
      const yesterday = { now: () => new Date(Date.now() - 24 * 60 * MINUTE) };
      const services = { ledger: ledger(), clock: yesterday, executions: { isGone: async () => false } };
      const owner = { dataset: 'trial/gated', runId: 'lost', owner: 'elsewhere' };
      const lock = await acquire(services, owner);
      expect(lock).toMatchObject(owner);
      await land(gated('after-lease'), csv('20,1.00'));
      const found = await settled(before.length + 1);
      expect(found.find(({ key }) => key === gated('after-lease'))).toMatchObject({ state: 'published' });
      expect((await lockOf(ledger(), owner.dataset))?.epoch ?? 0).toBeGreaterThan(lock?.epoch ?? 0);
    },
    3 * MINUTE,
  );

  test(
    'events wait for a function that fails, and are taken when it is well again',
    async () => {
      const before = await files();
      const queue = await intakeQueue();
      const FunctionName = 'headgate-dev-intake';
      type Configuration = { Environment: { Variables: Record<string, string> } };
      const { Environment } = await stage.call<Configuration>('lambda', 'get_function_configuration', {
        FunctionName,
      });
      const { HEADGATE_LEDGER_TABLE: _taken, ...broken } = Environment.Variables;
      const set = (Variables: Record<string, string>) =>
        stage.call('lambda', 'update_function_configuration', { FunctionName, Environment: { Variables } });
      // The deployed sixteen minutes between two tries are too long for a test.
      const Attributes = { VisibilityTimeout: '1' };
      await stage.call('sqs', 'set_queue_attributes', { QueueUrl: queue.url, Attributes });
      await set(broken);
      await land(gated('redriven'), csv('30,1.00'));
      await untilMessages(queue.deadLetters, 1);
      expect(await files()).toHaveLength(before.length);
      await set(Environment.Variables);
      await redrive(queue);
      const found = await settled(before.length + 1);
      expect(found.find(({ key }) => key === gated('redriven'))).toMatchObject({ state: 'published' });
      await untilMessages(queue.deadLetters, 0);
    },
    4 * MINUTE,
  );

  test(
    'holds a bad batch, tells Slack, and publishes it when somebody releases it',
    async () => {
      await land(gated('held'), csv('40,1.00', '41,wrong', '42,1.00'));
      await inState(gated('held'), 'held');
      const [run] = json<{ run: string }[]>(await stage.headgate('hold', 'list', '--json'));
      expect(run).toMatchObject({ dataset: 'trial/gated', files: 1 });
      expect(await told('headgate hold release')).toContain(run?.run);
      await stage.headgate('hold', 'release', run?.run ?? '', '--yes');
      const released = await inState(gated('held'), 'published');
      expect(released.counts).toEqual({ received: 3, published: 2, quarantined: 1, deduplicated: 0 });
    },
    3 * MINUTE,
  );

  test(
    'a table goes back to its first state, and the files loaded since are withdrawn',
    async () => {
      const snapshots = json<{ snapshot: string }[]>(
        await stage.headgate('snapshots', 'trial/gated', '--json'),
      );
      expect(snapshots.length).toBeGreaterThan(3);
      await stage.headgate('rollback', 'trial/gated', '--to', snapshots[0]?.snapshot ?? '', '--yes');
      expect(await countOf('trial.gated')).toBe('2');
      const found = (await files()).filter(({ dataset }) => dataset === 'trial/gated');
      const standing = found.filter(({ state }) => state === 'published').map(({ key }) => key);
      expect(standing).toEqual([gated('first')]);
      expect(found.find(({ key }) => key === gated('held'))).toMatchObject({ state: 'withdrawn' });
    },
    3 * MINUTE,
  );

  test(
    'an alarm reaches Slack by the composite alarm that holds it',
    async () => {
      type Alarms = { MetricAlarms: { Namespace: string; MetricName: string; Dimensions: object[] }[] };
      const { MetricAlarms } = await stage.call<Alarms>('cloudwatch', 'describe_alarms', {
        AlarmNames: ['headgate-dev-oldest-event'],
      });
      const { Namespace, MetricName, Dimensions } = MetricAlarms[0] ?? {};
      await stage.call('cloudwatch', 'put_metric_data', {
        Namespace,
        MetricData: [{ MetricName, Dimensions, Value: 86_400 }],
      });
      const message = JSON.parse(await told('intake-stuck')) as { text: string; blocks: unknown[] };
      expect(message.text).toBe('headgate-dev-intake-stuck is in alarm');
      const page = 'https://eu-west-1.console.aws.amazon.com';
      const alarm = `${page}/cloudwatch/home?region=eu-west-1#alarmsV2:alarm/headgate-dev-intake-stuck`;
      const section = (text: string) => ({ type: 'section', text: { type: 'mrkdwn', text } });
      expect(message.blocks.slice(2)).toEqual([
        section(
          '*What to do:* Files arrive and are not taken in. They wait; nothing is lost. Find what intake cannot handle, then send the messages back.',
        ),
        section(
          `<https://headgate.example/runbook#intake-stuck|runbook>  ·  <${page}/sqs/v3/home#/queues|where to look>  ·  <${alarm}|alarm>`,
        ),
        { type: 'context', elements: [{ type: 'mrkdwn', text: expect.stringMatching(/^since 20/) }] },
      ]);
    },
    3 * MINUTE,
  );
});

const COUNTS = ['received', 'published', 'quarantined', 'deduplicated'] as const;

/** A row as text: without what names a file or a run of one lake, and with times as Athena writes them. */
/** What tells which file or run it was, and when: a stage and a laptop take the same bytes in at different moments. */
const OWN = ['_source_file', '_run_id', 'changed_by_file', 'changed_at'];

const comparable = (row: Record<string, unknown>): string =>
  JSON.stringify(
    Object.entries(row)
      .filter(([name]) => !OWN.includes(name))
      .map(([name, value]) => [name, typeof value === 'string' ? plain(value) : value]),
  );

/** The engines print times and structures in their own ways: whole seconds, names of fields. */
const plain = (text: string): string =>
  text.startsWith('[{')
    ? text
        .replaceAll(/'\w+': /g, '')
        .replaceAll("'", '')
        .replaceAll('NULL', 'null')
        .replaceAll('{', '[')
        .replaceAll('}', ']')
    : text.replace(/(\d\d:\d\d:\d\d)\.0+\b/, '$1');

/** A Parquet file of 1,000 rows. */
async function parquet(path: string, from = 0): Promise<Buffer> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  await connection.run(
    `COPY (SELECT range + ${from} AS id, CAST(range % 100 AS DECIMAL(9,2)) AS amount FROM range(1000)) TO '${path}' (FORMAT parquet, COMPRESSION zstd)`,
  );
  connection.closeSync();
  instance.closeSync();
  return readFileSync(path);
}
