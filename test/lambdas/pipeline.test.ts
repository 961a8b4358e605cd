import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { ListExecutionsCommand, SFNClient } from '@aws-sdk/client-sfn';
import { afterEach, beforeAll, expect, jest, test } from '@jest/globals';
import type { Context, SQSBatchResponse } from 'aws-lambda';
import { databasesOf } from '../../lib/adapters/aws/lake.ts';
import type { Settings } from '../../lib/adapters/aws/settings.ts';
import { compiled } from '../../lib/adapters/local/compiled-contracts.ts';
import { readContracts } from '../../lib/adapters/local/contracts.ts';
import { duckDbQueryEngine } from '../../lib/adapters/local/duckdb-query-engine.ts';
import { folderStore } from '../../lib/adapters/local/folder-store.ts';
import { openLake } from '../../lib/adapters/local/lake.ts';
import { interpret, runStateMachine } from '../../lib/adapters/local/state-machine.ts';
import { VARIABLES } from '../../lib/infra/functions.ts';
import { FUNCTIONS } from '../../lib/infra/permissions.ts';
import { router } from '../../lib/intake/route.ts';
import { changeFiles } from '../../lib/ledger/files.ts';
import { saveRun } from '../../lib/ledger/runs.ts';
import { work as laptopWork } from '../../lib/pipeline/work.ts';
import { allFiles, type LedgerType, ledgerTables } from '../../lib/reports/ledger-tables.ts';
import { ROOT } from '../support/headgate.ts';
import { describeWithEmulator } from '../support/ministack.ts';
import { makeStage } from '../support/stage.ts';
import { temporaryFolder } from '../support/temporary.ts';

const folder = temporaryFolder('lambdas');
const SAMPLES = join(ROOT, 'samples');
const samples = globSync('**/*.*', { cwd: SAMPLES })
  .filter((name) => !name.endsWith('.md'))
  .sort();

describeWithEmulator('the functions on samples', (emulator) => {
  let stage: Settings;
  const s3 = () => new S3Client(emulator().config);

  beforeAll(async () => {
    stage = await makeStage(emulator());
    for (const [name, value] of Object.entries(stage)) process.env[VARIABLES[name as keyof Settings]] = value;
    const datasets = join(folder, 'datasets.json');
    // What a run that was killed in the same environment has left.
    mkdirSync(join(folder, 'scratch/staged-killed/raw'), { recursive: true });
    writeFileSync(datasets, compiled(readContracts(join(ROOT, 'contracts'))));
    Object.assign(process.env, emulator().environment, {
      HEADGATE_DATASETS: datasets,
      HEADGATE_SCRATCH: join(folder, 'scratch'),
      HEADGATE_SPARK_FROM_BYTES: '1000000000000',
      POWERTOOLS_DEV: 'false',
      POWERTOOLS_LOG_LEVEL: 'SILENT',
      POWERTOOLS_METRICS_DISABLED: 'true',
    });
  });

  /** What each function has asked of AWS, as IAM actions. */
  const asked = new Map<string, Map<string, Asked>>();
  let requests = 0;

  /** Every client's `send` is this one method of their common base. */
  beforeAll(() => {
    const base = Object.getPrototypeOf(S3Client.prototype) as { send: (...args: unknown[]) => unknown };
    const send = base.send;
    base.send = function (this: unknown, ...args: unknown[]) {
      requests++;
      for (const each of actionsOf(args[0], stage)) asked.get(running)?.set(JSON.stringify(each), each);
      return send.apply(this, args);
    };
  });
  let running = '';

  const invoke = async <Result>(name: string, event: unknown): Promise<Result> => {
    const module = (await import(`../../lambdas/${name}/handler.ts`)) as {
      handler: (event: unknown, context: Context) => Promise<Result>;
    };
    running = name;
    if (!asked.has(name)) asked.set(name, new Map());
    const context = {
      functionName: name,
      awsRequestId: randomUUID(),
      getRemainingTimeInMillis: () => 900_000,
    };
    return module.handler(event, context as Context).finally(() => {
      running = '';
    });
  };

  const land = async (key: string, body: Uint8Array) => {
    const { ETag = '' } = await s3().send(
      new PutObjectCommand({ Bucket: stage.landingBucket, Key: key, Body: body }),
    );
    return arrived(key, body.length, ETag.replaceAll('"', ''));
  };

  const arrived = (key: string, size: number, etag: string) => ({
    messageId: randomUUID(),
    body: JSON.stringify({
      version: '0',
      id: randomUUID(),
      'detail-type': 'Object Created',
      source: 'aws.s3',
      time: new Date().toISOString(),
      detail: { bucket: { name: stage.landingBucket }, object: { key, size, etag } },
    }),
  });

  const intake = (records: readonly object[]) => invoke<SQSBatchResponse>('intake', { Records: records });

  /** The datasets for which executions have been started, each worked until nothing is pending. */
  const work = async () => {
    const { executions = [] } = await new SFNClient(emulator().config).send(
      new ListExecutionsCommand({ stateMachineArn: stage.stateMachineArn }),
    );
    const names = executions.map(({ name = '' }) => name.replace(/-[0-9a-f]{16}$/, ''));
    const datasets = readContracts(join(ROOT, 'contracts')).map(({ domain, name }) => `${domain}/${name}`);
    const started = datasets.filter((dataset) => names.includes(dataset.replace('/', '-')));
    for (const dataset of started)
      await interpret((state) => (input) => invoke(state.toLowerCase(), input), dataset);
    return started;
  };

  /** The same samples on this machine's lake, without AWS. */
  const onLaptop = async () => {
    const notifier = { notify: async () => undefined };
    const lake = openLake({ home: join(folder, 'laptop'), contracts: join(ROOT, 'contracts'), notifier });
    const landing = folderStore(SAMPLES);
    const ports = { landing, raw: lake.stores.raw, ledger: lake.ledger, notifier };
    const place = { bucket: 'samples', own: false, route: router(lake.datasets) };
    const start = (dataset: string) => runStateMachine(lake, dataset);
    await laptopWork({ services: lake, ports, start }, place);
    const rows = [];
    for await (const file of allFiles(lake.ledger)) if (!file.key.endsWith('.md')) rows.push(file);
    const storeOf = ({ database }: { readonly database: string }) =>
      database.endsWith('_vault') ? lake.stores.vault : lake.stores.lake;
    const engine = duckDbQueryEngine({ catalog: lake.catalog, storeOf, marts: [], ledgerTables: [] });
    return {
      files: rows.sort((a, b) => (a.key < b.key ? -1 : 1)),
      query: (sql: string) => engine.query(sql),
    };
  };

  const files = async () => {
    const { ledgerOf } = await import('../../lib/adapters/aws/lake.ts');
    const rows = [];
    for await (const { key, state, counts } of allFiles(ledgerOf(stage)))
      rows.push({ key, state, ...counts });
    return rows.sort((a, b) => (a.key < b.key ? -1 : 1));
  };

  test('end as on a laptop: every file, every row, read by PyIceberg through Glue', async () => {
    const records = [];
    for (const name of samples) records.push(await land(name, readFileSync(join(SAMPLES, name))));
    // One at a time: the laptop takes two names of one content in the order of the names.
    for (const record of records) expect(await intake([record])).toEqual({ batchItemFailures: [] });
    expect(await work()).toEqual([
      'advertising/bid_requests',
      'advertising/clicks_conversions',
      'advertising/creatives',
      'advertising/impressions',
      'customers/crm',
      'customers/loyalty',
      'customers/web',
      'hospitality/folios',
      'hospitality/reservations',
      'orders/orders',
      'payments/accounts',
      'payments/transactions',
      'retail/sales',
    ]);

    expect(existsSync(join(folder, 'scratch/staged-killed'))).toBe(false);
    const laptop = await onLaptop();
    const expected = laptop.files.map(({ key, state, counts }) => ({ key, state, ...counts }));
    expect(await files()).toEqual(expected);

    const databases = databasesOf(readContracts(join(ROOT, 'contracts')));
    const { stdout } = await promisify(execFile)(emulator().python, [
      join(ROOT, 'test/support/read_glue.py'),
      emulator().config.endpoint,
      databases.join(','),
    ]);
    const tables = JSON.parse(stdout) as Record<string, { rows: number; sums: Record<string, string> }>;
    expect(Object.keys(tables).length).toBeGreaterThan(6);
    for (const [table, { rows, sums }] of Object.entries(tables)) {
      const columns = Object.keys(sums).map((name) => `, sum(${name}) AS ${name}`);
      const sql = `SELECT count(*) AS n${columns.join('')} FROM ${table}`;
      const { columns: names, rows: answers } = await laptop.query(sql);
      const answer = Object.fromEntries(names.map(({ name }, index) => [name, answers[0]?.[index] ?? null]));
      const { n, ...expectedSums } = answer;
      expect({ table, rows: String(rows), sums: numbers(sums) }).toEqual({
        table,
        rows: n,
        sums: numbers(expectedSums),
      });
    }
  });

  test('the ledger is copied into tables that PyIceberg reads through Glue, value for value', async () => {
    // At one moment: arrivals are others in every hour and on every day.
    jest.useFakeTimers({
      doNotFake: [
        'hrtime',
        'nextTick',
        'performance',
        'queueMicrotask',
        'setImmediate',
        'clearImmediate',
      ].concat(['setInterval', 'clearInterval', 'setTimeout', 'clearTimeout']) as never,
    });
    const report = await invoke<{ table: string; waiting: number }[]>('mirror', {});
    expect(report.map(({ waiting }) => waiting)).toEqual([0, 0, 0, 0, 0]);
    const { ledgerOf } = await import('../../lib/adapters/aws/lake.ts');
    const clock = { now: () => new Date() };
    const ports = { ledger: ledgerOf(stage), datasets: readContracts(join(ROOT, 'contracts')), clock };
    const { stdout } = await promisify(execFile)(
      emulator().python,
      [join(ROOT, 'test/support/read_glue.py'), emulator().config.endpoint, 'headgate', 'values'],
      { maxBuffer: 64 * 1024 * 1024 },
    );
    const tables = JSON.parse(stdout) as Record<string, { values: Record<string, string | null>[] }>;
    for (const { name, columns, rows } of ledgerTables(ports)) {
      const live = (await Array.fromAsync(rows())).map((row) =>
        columns.map(([, type], index) => comparable(type, row[index] ?? null)),
      );
      const read = (tables[`headgate.${name}`]?.values ?? []).map((row) =>
        columns.map(([column, type]) => comparable(type, row[column] ?? null)),
      );
      const sorted = (all: readonly unknown[]) => all.map((row) => JSON.stringify(row)).sort();
      expect([name, sorted(read)]).toEqual([name, sorted(live)]);
      expect(name === 'schema_changes' || live.length > 0).toBe(true);
    }
    const again = await invoke<{ table: string; parts: number }[]>('mirror', {});
    expect(again.filter(({ table }) => table !== 'schema_changes').map(({ parts }) => parts)).toEqual([
      0, 0, 0, 0,
    ]);
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  const why = async (key: string) => {
    const { ledgerOf } = await import('../../lib/adapters/aws/lake.ts');
    const found = [];
    for await (const file of allFiles(ledgerOf(stage)))
      if (file.key === key) found.push([file.state, ...file.reasons.map(({ code }) => code)].join(' '));
    return found.sort();
  };

  test('an event that comes again, alone or many times at once, changes nothing', async () => {
    const before = await files();
    const record = await land(
      'orders/orders/2026-01-31/again.csv',
      readFileSync(join(SAMPLES, 'orders/orders/2026-01-31/orders.csv')),
    );
    const copies = Array.from({ length: 10 }, () => ({ ...record, messageId: randomUUID() }));
    expect(await intake(copies)).toEqual({ batchItemFailures: [] });
    expect(await intake([record])).toEqual({ batchItemFailures: [] });
    const after = await files();
    expect(after).toHaveLength(before.length + 1);
    expect(await why('orders/orders/2026-01-31/again.csv')).toEqual(['duplicate file.duplicate']);
  });

  test('answers for each message alone: what is no event comes again, the others are done', async () => {
    const good = await land('odd/one.csv', Buffer.from('a\n'));
    const bad = { messageId: 'bad', body: 'not JSON' };
    const other = arrived('k', 1, 'e'.repeat(32));
    const elsewhere = {
      messageId: 'elsewhere',
      body: other.body.replace(stage.landingBucket, 'another-bucket'),
    };
    expect(await intake([bad, good, elsewhere])).toEqual({
      batchItemFailures: [{ itemIdentifier: 'bad' }, { itemIdentifier: 'elsewhere' }],
    });
    expect(await why('odd/one.csv')).toEqual(['quarantined file.unknown_feed']);
  });

  test.each([
    'odd/with blank.csv',
    'odd/plus+sign%20.csv',
    'odd/日本語 ä.csv',
    'odd//two slashes.csv',
    `odd/${'x'.repeat(200)}/${'é'.repeat(100)}/${'y'.repeat(200)}/${'z'.repeat(200)}/${'w'.repeat(216)}`,
  ])('takes the key %s as it is', async (key) => {
    expect(Buffer.byteLength(key)).toBeLessThanOrEqual(1024);
    expect(await intake([await land(key, Buffer.from(`rows of ${key}\n`))])).toEqual({
      batchItemFailures: [],
    });
    expect(await why(key)).toEqual(['quarantined file.unknown_feed']);
  });

  test('records what was removed or replaced before it could be read, once', async () => {
    const removed = arrived('odd/removed.csv', 3, 'a'.repeat(32));
    await intake([removed]);
    await intake([removed]);
    expect(await why('odd/removed.csv')).toEqual(['quarantined file.gone']);
    const first = await land('odd/replaced.csv', Buffer.from('first version\n'));
    const second = await land('odd/replaced.csv', Buffer.from('second version\n'));
    await intake([first]);
    await intake([second]);
    await intake([first]);
    expect(await why('odd/replaced.csv')).toEqual(['quarantined file.gone', 'quarantined file.unknown_feed']);
  });

  test('a small file costs intake at most twelve requests', async () => {
    const record = await land('odd/counted.csv', Buffer.from('counted\n'));
    requests = 0;
    await intake([record]);
    expect(requests).toBeGreaterThan(4);
    expect(requests).toBeLessThanOrEqual(12);
  });

  test('a file that is judged again by a changed contract, and a rollback that died, are finished', async () => {
    const { ledgerOf } = await import('../../lib/adapters/aws/lake.ts');
    const [ledger, dataset, key] = [ledgerOf(stage), 'retail/sales', 'retail/sales/2026-03-02.csv'];
    const [sample = ''] = samples.filter((name) => name.startsWith('retail/sales/'));
    await intake([await land(key, Buffer.concat([readFileSync(join(SAMPLES, sample)), Buffer.from('\n')]))]);
    const waiting = (await Array.fromAsync(allFiles(ledger))).filter((file) => file.key === key);
    expect(waiting.map(({ state }) => state)).toEqual(['admitted']);
    const ids = waiting.map(({ fileId }) => fileId);
    await changeFiles(ledger, dataset, ids, (file) => ({ ...file, judgedBy: 'an older contract' }));
    const now = new Date().toISOString();
    const run = {
      runId: '20260101T000000000Z-000000',
      dataset,
      state: 'publishing',
      files: [],
      reasons: [],
    } as const;
    await saveRun(ledger, { ...run, rollback: { to: null }, startedAt: now, updatedAt: now }, []);
    await interpret((state) => (input) => invoke(state.toLowerCase(), input), dataset);
    const after = (await Array.fromAsync(allFiles(ledger))).filter((file) => file.dataset === dataset);
    const states = after.map((file) => (file.key === key ? `again: ${file.state}` : file.state));
    expect([...new Set(states)].sort()).toEqual(['again: published', 'withdrawn']);
  });

  test('the sweeper empties landing of what is final', async () => {
    expect(await invoke<object>('sweeper', {})).toEqual({ found: [], unfinished: [], started: [] });
    const { Contents = [] } = await s3().send(new ListObjectsV2Command({ Bucket: stage.landingBucket }));
    expect(Contents).toEqual([]);
  });

  test('no function has asked for more than its role allows', () => {
    expect(asked.size).toBeGreaterThan(6);
    for (const [name, actions] of asked) {
      const given = FUNCTIONS.find((each) => each.name === name)?.actions ?? [];
      const isAllowed = ({ action, on }: Asked) =>
        given.some(([resource, names]) => on.includes(resource) && names.includes(action));
      expect({ name, strange: [...actions.values()].filter((each) => !isAllowed(each)) }).toEqual({
        name,
        strange: [],
      });
    }
  });
});

/** https://docs.aws.amazon.com/service-authorization/latest/reference: the actions that a command needs. */
const ACTIONS: Readonly<Record<string, string>> = {
  HeadObject: 's3:GetObject',
  GetObject: 's3:GetObject',
  ListObjectsV2: 's3:ListBucket',
  PutObject: 's3:PutObject',
  CreateMultipartUpload: 's3:PutObject',
  UploadPart: 's3:PutObject',
  CompleteMultipartUpload: 's3:PutObject',
  AbortMultipartUpload: 's3:AbortMultipartUpload',
  DeleteObject: 's3:DeleteObject',
  GetItem: 'dynamodb:GetItem',
  Query: 'dynamodb:Query',
  Update: 'dynamodb:UpdateItem',
  Delete: 'dynamodb:DeleteItem',
  ConditionCheck: 'dynamodb:ConditionCheckItem',
  GetTable: 'glue:GetTable',
  GetTables: 'glue:GetTables',
  CreateTable: 'glue:CreateTable',
  CreateDatabase: 'glue:CreateDatabase',
  UpdateTable: 'glue:UpdateTable',
  StartExecution: 'states:StartExecution',
  DescribeExecution: 'states:DescribeExecution',
  Publish: 'sns:Publish',
  GetSecretValue: 'secretsmanager:GetSecretValue',
};

interface Asked {
  readonly action: string;
  /** Resources of permissions.ts, any of which holds what was asked for. */
  readonly on: readonly string[];
}

/** Of an input what says which resource it is about. */
interface Asking {
  readonly TransactItems?: readonly object[];
  readonly Bucket?: string;
  readonly Key?: string;
  readonly DatabaseName?: string;
  readonly DatabaseInput?: { readonly Name?: string };
}

function actionsOf(command: unknown, stage: Settings): readonly Asked[] {
  const { constructor, input } = command as {
    readonly constructor: { readonly name: string };
    readonly input: Asking;
  };
  const names = input.TransactItems?.flatMap((item) => Object.keys(item)) ?? [
    constructor.name.replace(/Command$/, ''),
  ];
  return names.map((name) => ({ action: ACTIONS[name] ?? name, on: resourcesOf(input, stage) }));
}

function resourcesOf(
  { Bucket, Key, DatabaseName, DatabaseInput }: Asking,
  { landingBucket, rawBucket, lakeBucket, vaultBucket }: Settings,
): readonly string[] {
  const database = DatabaseName ?? DatabaseInput?.Name;
  if (database !== undefined) return [database === 'headgate' ? 'ledger tables' : 'tables'];
  if (Bucket === undefined) return ['ledger', 'topic', 'executions', 'state machine', 'key secret'];
  const names = {
    [landingBucket]: 'landing',
    [rawBucket]: 'raw',
    [lakeBucket]: 'lake',
    [vaultBucket]: 'vault',
  };
  const name = names[Bucket] ?? 'results';
  if (Key === undefined) return [name];
  return Key.startsWith('headgate/') ? [`${name} objects`, 'ledger table objects'] : [`${name} objects`];
}

/** A value as both sides print it: Python leaves out a fraction of nothing, and cuts or fills it to six digits. */
const comparable = (type: LedgerType, value: string | number | null): string | number | null =>
  value === null
    ? null
    : type === 'TIMESTAMP'
      ? new Date(`${String(value).replace(' ', 'T')}Z`).getTime()
      : type === 'BIGINT' || type === 'DOUBLE'
        ? Number(value)
        : String(value);

const numbers = (texts: Readonly<Record<string, string | null>>) =>
  Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, Number(text ?? 0)]));
