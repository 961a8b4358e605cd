import { randomUUID } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import type { Context, SQSBatchResponse } from 'aws-lambda';
import fc from 'fast-check';
import { type Lake, openLake } from '../../lib/adapters/local/lake.ts';
import { isUnfinished } from '../../lib/contract/landing-pattern.ts';
import { HeadgateError, TerminalError, TransientError } from '../../lib/errors.ts';
import { router } from '../../lib/intake/route.ts';
import { type DailyEntry, type FileEntry, partitions } from '../../lib/ledger/entries.ts';
import { messageOf } from '../../lib/notices/message.ts';
import { TASKS } from '../../lib/pipeline/tasks.ts';
import { allFiles, allRuns } from '../../lib/reports/ledger-tables.ts';
import { ROOT } from '../support/headgate.ts';
import { temporaryFolder } from '../support/temporary.ts';

const folder = temporaryFolder('fuzz-handlers');
const CONTEXT = { functionName: 'fuzz', awsRequestId: 'fuzz' } as Context;
const RUNS = { numRuns: 150, interruptAfterTimeLimit: 20_000, markInterruptAsFailure: false };

process.env.POWERTOOLS_DEV = 'false';
process.env.POWERTOOLS_LOG_LEVEL = 'SILENT';
process.env.POWERTOOLS_METRICS_DISABLED = 'true';
let lake: Lake;
let started: string[] = [];
let isBusy = false;
let call: (event: unknown) => Promise<SQSBatchResponse>;
let intake: (messages: readonly { messageId: string; body: string }[]) => Promise<SQSBatchResponse>;
let task: (state: keyof typeof TASKS, input: unknown) => Promise<unknown>;

beforeAll(async () => {
  const { intakeHandler } = await import('../../lambdas/intake/batch.ts');
  const { taskHandler } = await import('../../lambdas/shared/task.ts');
  const notifier = { notify: async () => undefined };
  lake = openLake({ home: join(folder, 'lake'), contracts: join(ROOT, 'test/cases/good-file'), notifier });
  const handler = intakeHandler({
    ports: { landing: lake.landing, raw: lake.stores.raw, ledger: lake.ledger, notifier },
    place: { bucket: 'landing', own: true, route: router(lake.datasets) },
    async start(dataset) {
      if (isBusy) throw new TransientError('busy', { fault: 'headgate' });
      started.push(dataset);
    },
  });
  call = (event) => handler(event as never, CONTEXT);
  intake = (messages) => call({ Records: messages });
  task = async (state, input) => taskHandler(state, lake)(input as never, CONTEXT);
});

const files = (): Promise<FileEntry[]> => Array.fromAsync(allFiles(lake.ledger));
const isWhole = ({ counts }: FileEntry): boolean =>
  counts.received === counts.published + counts.quarantined + counts.deduplicated;

const eventOf = (key: unknown, change: object = {}) => ({
  version: '0',
  source: 'aws.s3',
  'detail-type': 'Object Created',
  time: '2026-01-31T10:00:00Z',
  detail: { bucket: { name: 'landing' }, object: { key, size: 3, etag: 'e'.repeat(32) } },
  ...change,
});
const message = (body: unknown) => ({
  messageId: randomUUID(),
  body: typeof body === 'string' ? body : JSON.stringify(body),
});

/** Keys as people and tools make them. */
const key = fc.oneof(
  fc
    .array(
      fc.constantFrom(
        'a',
        ' ',
        '+',
        '%20',
        '%2F',
        '%',
        '%zz',
        '&',
        '=',
        '?',
        '#',
        '~',
        'é',
        'e\u0301',
        '日本',
        '🙂',
        "'",
        '"',
        '\\',
        '*',
        '\u00a0',
        '\u202e',
        '\n',
        '\u0001',
        '.csv',
        '/',
        'shop/2026-01-31/',
      ),
      { minLength: 1, maxLength: 12 },
    )
    .map((parts) => parts.join('')),
  fc.constantFrom(
    'x'.repeat(1024),
    'é'.repeat(512),
    `${'a/'.repeat(511)}aa`,
    '..',
    '../../etc/passwd',
    '/etc/passwd',
    'a//b',
    '.',
    'a/./b',
    ' ',
    'nul\0',
    '\ud800',
  ),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 80 }),
);

describe('intake', () => {
  test('takes every key as it is, hands its message back, or leaves an upload under way alone, whatever lies in its batch', async () => {
    const taken = new Set((await files()).map((file) => file.key));
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(key, { minLength: 1, maxLength: 4 }),
        fc.boolean(),
        async (keys, lands) => {
          const messages = keys.map((each) => message(eventOf(each)));
          if (lands) for (const each of keys) land(each);
          const bad = message('{');
          const { batchItemFailures } = await intake([bad, ...messages]);
          const failed = batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);
          expect(failed).toContain(bad.messageId);
          const now = await files();
          expect(now.filter((file) => file.state !== 'admitted').every(isWhole)).toBe(true);
          for (const [index, { messageId }] of messages.entries()) {
            const at = keys[index] ?? '';
            const recorded = now.some((file) => file.key === at);
            const answers = [recorded, failed.includes(messageId), isUnfinished(at)];
            expect([at, answers.filter(Boolean).length]).toEqual([at, 1]);
            if (recorded) taken.add(at);
          }
          // Nothing is recorded under a name that nobody sent: not decoded, not normalised.
          expect(now.filter((file) => !taken.has(file.key)).map((file) => file.key)).toEqual([]);
        },
      ),
      RUNS,
    );
    // What no folder can hold is handed back, what is under way waits, everything else is on record.
    expect(taken.size).toBeGreaterThan(50);
    expect([...taken].some((each) => each.includes('%20'))).toBe(true);
    expect([...taken].some((each) => each.includes('+'))).toBe(true);
  }, 120_000);

  test('hands back what is no event of its bucket, and changes nothing', async () => {
    const before = JSON.stringify(await files());
    const odd = fc.oneof(
      fc.json(),
      fc.string({ unit: 'binary' }),
      fc.object().map((detail) => JSON.stringify(eventOf('k', { detail }))),
      fc
        .constantFrom(
          eventOf(''),
          eventOf(5),
          eventOf(null),
          eventOf('k', { source: 'aws.ec2' }),
          eventOf('k', { 'detail-type': 'Object Deleted' }),
          eventOf('k', { time: 'yesterday' }),
          eventOf('k', { detail: { bucket: { name: 'elsewhere' }, object: { key: 'k', size: 1 } } }),
          eventOf('k', { detail: { bucket: { name: 'landing' }, object: { key: 'k', size: -1 } } }),
          eventOf('k', { detail: { bucket: { name: 'landing' }, object: { key: 'k', size: 1.5 } } }),
          {
            Records: [
              { eventSource: 'aws:s3', s3: { bucket: { name: 'landing' }, object: { key: 'a+b%20c' } } },
            ],
          },
        )
        .map((each) => JSON.stringify(each)),
      fc.constant('['.repeat(200_000)),
      fc.constant(`{"__proto__":${JSON.stringify(eventOf('k'))}}`),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(odd, { minLength: 1, maxLength: 5 }), async (bodies) => {
        const messages = bodies.map(message);
        const { batchItemFailures } = await intake(messages);
        const failed = batchItemFailures.map(({ itemIdentifier }) => itemIdentifier).sort();
        expect(failed).toEqual(messages.map(({ messageId }) => messageId).sort());
      }),
      RUNS,
    );
    expect(JSON.stringify(await files())).toBe(before);
  }, 60_000);

  test.each([
    [{}],
    [{ Records: [] }],
    [{ Records: null }],
    [null],
    ['text'],
    [{ Records: [{}] }],
    [{ Records: [{ messageId: 'a' }] }],
  ])('a call with %j acknowledges nothing that it has not read', async (event) => {
    const before = JSON.stringify(await files());
    const answer = await call(event).then(
      ({ batchItemFailures }) => batchItemFailures.length,
      (error: unknown) => (error instanceof Error ? 'refused' : 'thrown'),
    );
    const sent = (event as { Records?: unknown[] } | null)?.Records?.length ?? 'refused';
    expect(answer).toBe(sent);
    expect(JSON.stringify(await files())).toBe(before);
  });

  test('starts an execution for what it has admitted, and hands the message back where it can’t', async () => {
    const name = 'shop/2026-01-31/good.csv';
    land(name, 'id,name,amount\n1,one,1.50\n');
    const detail = { bucket: { name: 'landing' }, object: { key: name, size: 3 } };
    const told = message(eventOf(name, { detail }));
    started = [];
    isBusy = true;
    expect(await intake([told])).toEqual({ batchItemFailures: [{ itemIdentifier: told.messageId }] });
    isBusy = false;
    expect(await intake([told])).toEqual({ batchItemFailures: [] });
    expect(started).toEqual(['shop/items']);
  });
});

/** Where the operating system can't name it, there is no such object. */
function land(name: string, text = `${name}\n`): void {
  const path = join(folder, 'lake/landing', name);
  if (!path.startsWith(join(folder, 'lake/landing/')) || /\/$|\0/.test(name)) return;
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text, { flag: 'wx' });
  } catch (error) {
    if (!/^(ENAMETOOLONG|ENOTDIR|EEXIST|EISDIR|ENOENT)$/.test((error as NodeJS.ErrnoException).code ?? ''))
      throw error;
  }
}

test('a task that the state machine did not start refuses by an error of ours and changes nothing', async () => {
  const states = Object.keys(TASKS) as (keyof typeof TASKS)[];
  const before = JSON.stringify([await files(), await Array.fromAsync(allRuns(lake.ledger))]);
  const given = fc.oneof(
    fc.jsonValue(),
    fc.constantFrom(
      null,
      undefined,
      {},
      [],
      'shop/items',
      { dataset: 'shop/items' },
      { message: {}, execution: '' },
    ),
    fc.record({
      dataset: fc.constantFrom('shop/items', 'no/such', '', 5, '__proto__'),
      runId: fc.constantFrom('none', '', null, '../x', 'x'.repeat(5_000)),
      epoch: fc.constantFrom(0, 1, -1, 1.5, '1', Number.MAX_VALUE),
    }),
  );
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...states), given, async (state, input) => {
      await expect(task(state, input)).rejects.toBeInstanceOf(HeadgateError);
    }),
    RUNS,
  );
  expect(JSON.stringify([await files(), await Array.fromAsync(allRuns(lake.ledger))])).toBe(before);
}, 60_000);

test('a message of the topic is told, passed over, or refused by an error of ours', () => {
  const alarm = fc.record(
    {
      AlarmName: fc.oneof(fc.string(), fc.constant('\ud800')),
      NewStateValue: fc.constantFrom('ALARM', 'OK', 'INSUFFICIENT_DATA', 'x'),
      AlarmDescription: fc.jsonValue(),
      NewStateReason: fc.jsonValue(),
      AlarmArn: fc.jsonValue(),
      StateChangeTime: fc.jsonValue(),
    },
    { requiredKeys: ['AlarmName', 'NewStateValue'] },
  );
  const notice = fc.record(
    {
      kind: fc.constantFrom('run.held', 'file.quarantined', 'toString', '__proto__', 5),
      title: fc.oneof(fc.string(), fc.integer()),
      facts: fc.jsonValue(),
      dataset: fc.jsonValue(),
      next: fc.jsonValue(),
    },
    { requiredKeys: ['kind', 'title'] },
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.json(),
        alarm.map((each) => JSON.stringify(each)),
        notice.map((each) => JSON.stringify(each)),
      ),
      (text) => {
        try {
          const said = messageOf(text);
          if (said !== undefined) expect(typeof said.title).toBe('string');
        } catch (error) {
          if (!(error instanceof HeadgateError)) throw error;
        }
      },
    ),
    { ...RUNS, numRuns: 500 },
  );
});

test('the daily look passes on, refuses by an error of ours, or does its day once, whatever the event, the tables and the ledger answer', async () => {
  const { qualityHandler } = await import('../../lambdas/quality/look.ts');
  const before = JSON.stringify([await files(), await Array.fromAsync(allRuns(lake.ledger))]);
  const cell = fc.oneof(
    fc.constantFrom(null, '', '0', '-1', '1e308', 'NaN', 'x', '\u0000', '\ud800', '9'.repeat(400)),
    fc.string(),
  );
  const answer = fc.oneof(
    fc
      .array(fc.array(cell, { maxLength: 6 }), { maxLength: 3 })
      .map((rows) => async () => ({ columns: [], rows })),
    fc.constantFrom('terminal', 'transient').map((kind) => async () => {
      throw new (kind === 'terminal' ? TerminalError : TransientError)('no answer', { fault: 'headgate' });
    }),
  );
  const told: string[] = [];
  let day = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.jsonValue(),
      fc.array(answer, { minLength: 1, maxLength: 4 }),
      fc.boolean(),
      async (event, answers, isDown) => {
        const now = new Date(Date.UTC(2027, 0, 2 + day++));
        const yesterday = new Date(now.getTime() - 86_400_000).toISOString().slice(0, 10);
        let asked = 0;
        const ports = {
          ledger: lake.ledger,
          datasets: lake.datasets,
          clock: { now: () => now },
          findings: [],
          notifier: { notify: async ({ title }: { title: string }) => void told.push(title) },
          queryEngine: { query: () => (answers[asked++ % answers.length] as (typeof answers)[0])() },
        };
        const looked = (change: object = {}) =>
          qualityHandler({ ...ports, ...change })(event as never, CONTEXT);
        const stored = async () =>
          (await lake.ledger.get<DailyEntry>(partitions.daily('shop/items'), yesterday))?.body;
        if (isDown) {
          const down = {
            ...lake.ledger,
            transact: () => Promise.reject(new TransientError('busy', { fault: 'headgate' })),
          };
          await expect(looked({ ledger: down })).rejects.toBeInstanceOf(HeadgateError);
          expect(await stored()).toBeUndefined();
        }
        const first = await looked().catch((error: unknown) => error);
        const entry = await stored();
        if (entry === undefined) {
          expect(first).toBeInstanceOf(TransientError);
          return;
        }
        expect(JSON.parse(JSON.stringify(first))).toEqual([entry]);
        const count = told.length;
        expect(await looked()).toEqual([]);
        expect({ entry: await stored(), told: told.length }).toEqual({ entry, told: count });
      },
    ),
    { ...RUNS, numRuns: 60 },
  );
  expect(JSON.stringify([await files(), await Array.fromAsync(allRuns(lake.ledger))])).toBe(before);
}, 60_000);
