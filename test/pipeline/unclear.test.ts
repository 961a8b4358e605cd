import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { StateMachine } from 'aws-local-stepfunctions';
import { duckDbError } from '../../lib/adapters/local/duckdb-session.ts';
import { lackOfRoom } from '../../lib/adapters/local/staged-engine.ts';
import { PoisonError, TransientError, UnclearError } from '../../lib/errors.ts';
import { ROOT } from '../support/headgate.ts';

const definition = JSON.parse(readFileSync(join(ROOT, 'lib/pipeline/pipeline.asl.json'), 'utf8'));

/** States that an execution enters whose engine always throws. */
async function way(error: Error): Promise<readonly string[]> {
  const states: string[] = [];
  const task = (name: string, act: () => unknown) => () => {
    states.push(name);
    return act();
  };
  const rounds = [{ next: 'plan' }, { next: 'done' }];
  const handlers = {
    Claim: task('Claim', () => rounds.shift()),
    Plan: task('Plan', () => ({ next: 'execute' })),
    Execute: task('Execute', () => Promise.reject(error)),
    Isolate: task('Isolate', () => ({})),
    Fail: task('Fail', () => ({})),
  };
  const machine = new StateMachine(definition, { validationOptions: { noValidate: true } });
  const overrides = { taskResourceLocalHandlers: handlers, retryIntervalOverrides: { Execute: 0 } };
  const options = { overrides, context: { Execution: { Id: 'e' } } };
  await machine
    .run({}, options as Parameters<StateMachine['run']>[1])
    .result.catch(() => states.push('failed'));
  return states;
}

test('an error of input that goes on after every retry takes the file out, a full disk or a missing store never', async () => {
  const io = (text: string) => duckDbError(new Error(`IO Error: ${text}`));
  const isolated = ['Claim', 'Plan', 'Execute', 'Execute', 'Execute', 'Isolate', 'Claim'];
  expect(await way(io('Unsupported GZIP archive: /raw/a.csv'))).toEqual(isolated);
  expect(await way(io('Could not write file "x": No space left on device'))).toEqual(
    isolated.slice(0, 5).concat('Fail', 'failed'),
  );
});

test('what a function has no room for is halved, as it has no more the next time', async () => {
  const full = Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
  const duckDb = [
    'IO Error: Could not write file "x": No space left on device',
    'Out of Memory Error: no block',
  ];
  for (const error of [full, ...duckDb.map((message) => duckDbError(new Error(message)))]) {
    const lack = lackOfRoom(error);
    expect(lack?.message).toMatch(/^the (temporary storage|memory) is too small for this batch/);
    expect((await way(lack ?? new Error())).slice(-2)).toEqual(['Isolate', 'Claim']);
  }
  expect(lackOfRoom(duckDbError(new Error('IO Error: Cannot open file "x": gone')))).toBeUndefined();
  expect(lackOfRoom(new Error('anything'))).toBeUndefined();
});

test('a function that is killed each time, or has not enough time, is given half the batch; one that waits for its turn is not', async () => {
  const lambda = (name: string) => Object.assign(new Error('of Lambda, not of ours'), { name });
  const isolated = ['Isolate', 'Claim'];
  for (const name of ['Runtime.ExitError', 'Runtime.OutOfMemory', 'Lambda.Unknown'])
    expect(await way(lambda(name))).toEqual(['Claim', 'Plan', 'Execute', 'Execute', 'Execute', ...isolated]);
  expect(await way(lambda('Sandbox.Timedout'))).toEqual(['Claim', 'Plan', 'Execute', ...isolated]);
  const throttled = await way(lambda('Lambda.TooManyRequestsException'));
  expect(throttled.filter((state) => state === 'Execute')).toHaveLength(31);
  expect(throttled.slice(-2)).toEqual(['Fail', 'failed']);
});

test.each([
  ['IO Error: Input is not a GZIP stream', UnclearError],
  ['IO Error: Could not read enough bytes from file "x": attempted to read 8 bytes', UnclearError],
  ['IO Error: Cannot open file "/gone/x.parquet": No such file or directory', TransientError],
  ['IO Error: Could not read from file "x": Input/output error', TransientError],
  ['IO Error: Could not write file "x": File too large', TransientError],
  ['Out of Memory Error: could not allocate block', TransientError],
  ['Invalid Input Error: bytes', PoisonError],
])('%s', (message, kind) => {
  expect(duckDbError(new Error(message)).constructor).toBe(kind);
});

test.each([
  'IO Error: Could not write file "/lake/who=jan/x.parquet": No space left on device',
  'IO Error: Could not write file "/lake/who=jan/x.parquet": Disk quota exceeded',
  "Out of Memory Error: failed to offload data block of size 256.0 KiB (2.6 MiB/2.6 MiB used).\nThis limit was set by the 'max_temp_directory_size' setting.",
])('names the disk: %s', (message) => {
  const { message: said } = duckDbError(new Error(message));
  expect(said).toMatch(/^DuckDB: (IO|Out of Memory) Error, the disk is full; free some of it and run again$/);
});
