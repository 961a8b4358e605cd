import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { StateMachine } from 'aws-local-stepfunctions';
import { type Lake, openLake } from '../../lib/adapters/local/lake.ts';
import { runStateMachine } from '../../lib/adapters/local/state-machine.ts';
import { PoisonError } from '../../lib/errors.ts';
import { router } from '../../lib/intake/route.ts';
import type { LockEntry } from '../../lib/ledger/entries.ts';
import { isHeld } from '../../lib/ledger/locks.ts';
import { DEFAULT_LIMITS } from '../../lib/pipeline/services.ts';
import { TASKS } from '../../lib/pipeline/tasks.ts';
import { hasWork, work } from '../../lib/pipeline/work.ts';
import { allFiles } from '../../lib/reports/ledger-tables.ts';
import { ROOT } from '../support/headgate.ts';
import { temporaryFolder } from '../support/temporary.ts';

const folder = temporaryFolder('hand-over');
const DATASET = 'shop/orders';
const definition = JSON.parse(readFileSync(join(ROOT, 'lib/pipeline/pipeline.asl.json'), 'utf8'));
const ALREADY = 'StepFunctions.ExecutionAlreadyExistsException';

function lakeOf(name: string, rounds: number, files = 1): Lake {
  const lake = openLake({
    home: join(folder, name),
    contracts: join(import.meta.dirname, 'scenario/contracts'),
    notifier: { notify: async () => undefined },
  });
  return { ...lake, limits: { ...lake.limits, files, rounds } };
}

function land({ landing }: Lake, days: number): void {
  for (let day = 1; day <= days; day++) {
    const file = join(landing.root, `orders/2026-01-0${day}.csv`);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `id,amount,phone\n${day},1.50,061${day}\n`);
  }
}

const workOn = (lake: Lake, start = (dataset: string) => runStateMachine(lake, dataset)) =>
  work(
    {
      services: lake,
      ports: { landing: lake.landing, raw: lake.stores.raw, ledger: lake.ledger, notifier: lake.notifier },
      start,
    },
    { bucket: 'landing', own: true, route: router(lake.datasets) },
  );

async function states({ ledger }: Lake): Promise<readonly string[]> {
  const files = await Array.fromAsync(allFiles(ledger));
  return files.map(({ state, reasons }) => [state, ...reasons.map(({ code }) => code)].join(' ')).sort();
}

/** The lake, and the executions that took its lock for a run, in order. */
function watched(lake: Lake): { readonly lake: Lake; readonly runs: Map<string, Set<string>> } {
  const runs = new Map<string, Set<string>>();
  const ledger: Lake['ledger'] = {
    ...lake.ledger,
    transact(writes) {
      for (const write of writes) {
        const body = write.kind === 'put' ? (write.body as Partial<LockEntry>) : {};
        if (body.owner && body.runId)
          runs.set(body.owner, new Set([...(runs.get(body.owner) ?? []), body.runId]));
      }
      return lake.ledger.transact(writes);
    },
  };
  return { lake: { ...lake, ledger }, runs };
}

test('an execution that has had its rounds hands over to another until nothing is pending', async () => {
  const { lake, runs } = watched(lakeOf('rounds', 2));
  land(lake, 5);
  expect((await workOn(lake)).failed).toEqual([]);
  expect(await states(lake)).toEqual(Array(5).fill('published'));
  // The last one has published the fifth file, and has looked once more.
  expect([...runs.values()].map(({ size }) => size)).toEqual([2, 2, 2]);
});

test('the search for a poison file goes on in the next execution where it stopped', async () => {
  const { lake, runs } = watched(lakeOf('poison', 1, 100));
  const { engine } = lake;
  const sick: Lake = {
    ...lake,
    engine: {
      execute: (plan) =>
        plan.inputs.some(({ records }) => records === 2)
          ? Promise.reject(new PoisonError('the engine gave up', { fault: 'headgate' }))
          : engine.execute(plan),
    },
  };
  land(lake, 4);
  writeFileSync(join(lake.landing.root, 'orders/2026-01-03.csv'), 'id,amount,phone\n3,1.50,\n9,1.50,\n');
  expect((await workOn(sick)).failed).toEqual([]);
  expect(await states(lake)).toEqual([...Array(3).fill('published'), 'quarantined file.poison']);
  expect(Math.max(...[...runs.values()].map(({ size }) => size))).toBe(1);
});

describe('the state that hands over', () => {
  const machine = new StateMachine(definition);

  /** What an execution that must hand over at once asks Step Functions to start. */
  async function asked(execution: string, answer: (attempt: number) => void = () => undefined) {
    const starts: { Name: string; Input: unknown; StateMachineArn: string }[] = [];
    const handlers = {
      Claim: () => ({ dataset: DATASET, limit: 7, next: 'handOver' }),
      HandOver: (input: (typeof starts)[number]) => {
        starts.push(input);
        answer(starts.length);
      },
    };
    return { starts, ...(await run(handlers, execution)) };
  }

  async function run(handlers: object, execution: string) {
    const options = {
      overrides: { taskResourceLocalHandlers: handlers, retryIntervalOverrides: { HandOver: [0, 0] } },
      context: { Execution: { Id: execution } },
    } as unknown as Parameters<StateMachine['run']>[1];
    const result = await machine.run({ dataset: DATASET }, options).result.then(
      () => 'succeeded',
      () => 'failed',
    );
    return { result };
  }

  const named = (name: string) => Object.assign(new Error(name), { name });

  test('names the next execution by this one, and gives it references only', async () => {
    const { starts, result } = await asked('arn:first');
    expect(result).toBe('succeeded');
    expect(starts).toHaveLength(1);
    expect(starts[0]?.Input).toEqual({ dataset: DATASET, limit: 7, next: 'handOver' });
    // At most 80 characters (API reference of StartExecution).
    expect(starts[0]?.Name).toMatch(/^[0-9a-f]{64}$/);
    expect((await asked('arn:first')).starts[0]?.Name).toBe(starts[0]?.Name);
    expect((await asked('arn:second')).starts[0]?.Name).not.toBe(starts[0]?.Name);
  });

  test('asks again under the same name, and is content with the one that it has started before', async () => {
    const { starts, result } = await asked('arn:first', (attempt) => {
      throw named(attempt === 1 ? 'StepFunctions.SdkClientException' : ALREADY);
    });
    expect(result).toBe('succeeded');
    expect(starts.map(({ Name }) => Name)).toEqual([starts[0]?.Name, starts[0]?.Name]);
  });

  test('fails the execution when nothing can be started; the files still wait for the sweeper', async () => {
    const failing = await asked('arn:first', () => {
      throw named('StepFunctions.SdkClientException');
    });
    expect(failing.result).toBe('failed');
    expect(failing.starts).toHaveLength(6);
    const lake = lakeOf('failing', 1);
    land(lake, 2);
    const handlers = {
      ...Object.fromEntries(
        Object.entries(TASKS).map(([state, task]) => [state, (input: unknown) => task(lake, input as never)]),
      ),
      HandOver: () => {
        throw named('StepFunctions.SdkClientException');
      },
    };
    const start = () => run(handlers, 'failing').then(({ result }) => expect(result).toBe('failed'));
    expect((await workOn(lake, start)).failed).toEqual([]);
    expect(await states(lake)).toEqual(['admitted', 'published']);
    expect([await hasWork(lake, DATASET), await isHeld(lake, DATASET)]).toEqual([true, false]);
    await workOn(lake);
    expect(await states(lake)).toEqual(['published', 'published']);
  });
});

interface State {
  readonly Type: string;
  readonly Resource?: string;
  readonly Retry?: readonly { readonly MaxAttempts?: number }[];
  readonly Catch?: readonly { readonly Next: string }[];
  readonly Choices?: readonly { readonly Next: string }[];
  readonly Next?: string;
  readonly Default?: string;
}

/**
 * Events that a state adds to the history at most: entered, exited, and for each attempt of a task scheduled, started, (of a service: submitted,) and succeeded or
 * failed. Retriers count apart, each to its own limit. https://docs.aws.amazon.com/step-functions/latest/apireference/API_HistoryEvent.html
 */
function eventsOf({ Type, Resource = '', Retry = [] }: State): number {
  if (Type !== 'Task') return 2;
  const attempts = 1 + Retry.reduce((sum, { MaxAttempts = 3 }) => sum + MaxAttempts, 0);
  return 2 + attempts * (Resource.includes(':states:::') ? 4 : 3);
}

/** Events on the longest way from a state back to Claim, or to the end. */
function longest(
  states: Readonly<Record<string, State>>,
  from: string,
  seen: readonly string[] = [],
): number {
  const state = states[from];
  if (state === undefined) throw new Error(`there is no state ${from}`);
  if (seen.includes(from)) throw new Error(`a round goes in circles: ${[...seen, from].join(', ')}`);
  const ways = [
    state.Next,
    state.Default,
    ...[...(state.Choices ?? []), ...(state.Catch ?? [])].map(({ Next }) => Next),
  ];
  const on = ways.flatMap((next) =>
    next === undefined || next === 'Claim' ? [] : [longest(states, next, [...seen, from])],
  );
  return eventsOf(state) + Math.max(0, ...on);
}

test('the history of an execution stays below 20,000 events, whatever is retried', () => {
  const states = definition.States as Readonly<Record<string, State>>;
  expect(eventsOf({ Type: 'Choice' })).toBe(2);
  expect(eventsOf({ Type: 'Task', Resource: 'arn:aws:lambda:x', Retry: [{ MaxAttempts: 2 }] })).toBe(11);
  expect(eventsOf({ Type: 'Task', Resource: 'arn:aws:states:::glue:startJobRun.sync' })).toBe(6);
  const round = longest(states, 'Claim');
  // Without a single retry; the longest way of a round on Spark has nine states with a task and three choices.
  expect(round).toBeGreaterThan(9 * 5 + 3 * 2);
  // The first and the last event, and the round in which it hands over.
  const history = 2 + DEFAULT_LIMITS.rounds * round + round;
  expect(history).toBeLessThan(20_000);
  // Not so few that handing over costs: a hundred rounds and one more execution.
  expect(DEFAULT_LIMITS.rounds).toBeGreaterThanOrEqual(100);
});
