import { TerminalError, TransientError } from '../../lib/errors.ts';
import type { Executions } from '../../lib/ledger/locks.ts';
import type { Services } from '../../lib/pipeline/services.ts';
import type { RunResult } from '../../lib/plan/plan.ts';
import type { Engine } from '../../lib/ports/engine.ts';
import type { ObjectStore } from '../../lib/ports/object-store.ts';
import type { Secrets } from '../../lib/ports/secrets.ts';
import { eachStore } from '../support/effects.ts';

/**
 * What is done to one effect. `fail`: not done, may pass later. `deny`: not done, will not pass. `outage`: this and the next five fail. `lost`: done, but the
 * answer is an error. `repeat`: done twice, the second answer counts. `delay`: others go ahead. `kill`, `kill-after`: the process is no more. `race`: a whole
 * sweep of another process happens first. `lease`: the same, eight hours later. `clock`: two hours back. `stale`: what was read before, where a
 * store or catalogue may answer so. `garble`: an engine that loses a row it has counted.
 */
export const FAULTS = [
  'fail',
  'deny',
  'outage',
  'lost',
  'repeat',
  'delay',
  'kill',
  'kill-after',
  'race',
  'lease',
  'clock',
  'stale',
  'garble',
] as const;
export type FaultKind = (typeof FAULTS)[number];

export interface Fault {
  /** Number of the effect, from 1. */
  readonly at: number;
  readonly kind: FaultKind;
}

export interface Effect {
  /** `port: method of what`. */
  readonly name: string;
  readonly writes: boolean;
}

/** One lake with its processes; the faults strike whoever performs the effect of their number. */
export interface Theatre {
  readonly faults: ReadonlyMap<number, FaultKind>;
  readonly trace: Effect[];
  readonly dead: Set<number>;
  /** Settles when every effect that was asked for so far has been performed: one after the other, so that a schedule can be repeated. */
  turn: Promise<unknown>;
  readonly remembered: Map<string, unknown>;
  outageUntil: number;
  /** What no process may do. */
  readonly misdeeds: string[];
  /** Moves the clock of everybody. */
  moveClock(milliseconds: number): void;
  /** Another process sweeps, to its end. */
  sweepByAnother(): Promise<void>;
  kill(process: number): void;
}

interface Call<T> {
  readonly effect: Effect;
  readonly perform: () => Promise<T>;
  /** Names the question of a read, so that an older answer can be given. */
  readonly question?: string;
}

const NEVER = new Promise<never>(() => undefined);
/** Far beyond what a schedule with its recovery needs, which the last line of every run says: what goes on after that goes on for ever. */
const MOST_EFFECTS = 3_000;
const MAY_BE_STALE = /^(catalog: load|[a-z]+: list)/;

/** Performs an effect of a process as the schedule wants it. */
export async function effected<T>(theatre: Theatre, process: number, call: Call<T>): Promise<T> {
  if (theatre.dead.has(process)) return NEVER;
  const { effect } = call;
  const number = theatre.trace.push(effect);
  if (number > MOST_EFFECTS) {
    if (number === MOST_EFFECTS + 1) theatre.misdeeds.push(`no end after ${MOST_EFFECTS} effects`);
    theatre.kill(process);
    return NEVER;
  }
  const kind = number <= theatre.outageUntil ? 'fail' : theatre.faults.get(number);
  const answer = await behaving(theatre, process, call, kind, number);
  return theatre.dead.has(process) ? NEVER : answer;
}

async function behaving<T>(
  theatre: Theatre,
  process: number,
  call: Call<T>,
  kind: FaultKind | undefined,
  number: number,
): Promise<T> {
  const { effect } = call;
  const perform = () => performed(theatre, call);
  switch (kind) {
    case undefined:
      return perform();
    case 'outage':
      theatre.outageUntil = number + 5;
      throw new TransientError(`${effect.name}: out of order`, { fault: 'headgate' });
    case 'fail':
      throw new TransientError(`${effect.name}: failed`, { fault: 'headgate' });
    case 'deny':
      throw new TerminalError(`${effect.name}: denied`, { fault: 'headgate' });
    case 'lost':
      await perform();
      throw new TransientError(`${effect.name}: no answer`, { fault: 'headgate' });
    case 'repeat':
      await perform();
      return perform();
    case 'delay':
      for (let turns = 0; turns < 5; turns++) await performed(theatre, { effect, perform: nothing });
      return perform();
    case 'kill':
      theatre.kill(process);
      return NEVER;
    case 'kill-after':
      await perform();
      theatre.kill(process);
      return NEVER;
    case 'lease':
    case 'race':
      if (kind === 'lease') theatre.moveClock(8 * 3_600_000);
      await theatre.sweepByAnother();
      return perform();
    case 'garble':
      return garbled(await perform());
    case 'clock':
      theatre.moveClock(-2 * 3_600_000);
      return perform();
    case 'stale': {
      const old = call.question === undefined ? undefined : theatre.remembered.get(call.question);
      return old === undefined || !MAY_BE_STALE.test(effect.name) ? perform() : (old as { value: T }).value;
    }
  }
}

async function performed<T>(theatre: Theatre, { perform, question }: Call<T>): Promise<T> {
  const work = theatre.turn.then(perform);
  theatre.turn = work.catch(() => undefined);
  const value = await work;
  if (question !== undefined && !theatre.remembered.has(question))
    theatre.remembered.set(question, { value });
  return value;
}

function garbled<T>(answer: T): T {
  const { tallies } = answer as { readonly tallies?: RunResult['tallies'] };
  if (tallies === undefined) return answer;
  return { ...answer, tallies: tallies.map((tally) => ({ ...tally, published: tally.published - 1 })) };
}

const nothing = async () => undefined;

type Port = Readonly<Record<string, unknown>>;

/** Every method of a port that answers with a promise, as effects of a process. */
function wrapped<P extends object>(
  port: P,
  name: string,
  theatre: Theatre,
  process: number,
  reads: readonly string[],
  label: (method: string, args: readonly unknown[]) => string,
): P {
  const methods = Object.entries(port as Port).map(([method, member]) => {
    if (typeof member !== 'function') return [method, member];
    const isRead = reads.includes(method);
    return [
      method,
      (...args: readonly unknown[]) =>
        whole(args).then((all) =>
          effected(theatre, process, {
            effect: { name: `${name}: ${label(method, all)}`, writes: !isRead },
            perform: () => member.apply(port, all) as Promise<unknown>,
            ...(isRead ? { question: `${name} ${method} ${JSON.stringify(all)}` } : {}),
          }),
        ),
    ];
  });
  return Object.fromEntries(methods) as P;
}

/** Arguments that can be used twice: a stream of bytes is read first. */
const whole = (args: readonly unknown[]): Promise<readonly unknown[]> =>
  Promise.all(args.map(async (arg) => (isStream(arg) ? Buffer.concat(await Array.fromAsync(arg)) : arg)));

const isStream = (arg: unknown): arg is AsyncIterable<Uint8Array> =>
  typeof arg === 'object' && arg !== null && Symbol.asyncIterator in arg;

/** Reading and listing give one thing after the other: they may break off before the first and after some. */
function wrappedStore(name: string, store: ObjectStore, theatre: Theatre, process: number): ObjectStore {
  const plain = wrapped(store, name, theatre, process, ['stat'], (method) => method);
  const through = async function* <Item>(method: string, question: string, items: () => AsyncIterable<Item>) {
    const all = await effected(theatre, process, {
      effect: { name: `${name}: ${method}`, writes: false },
      question,
      perform: () => Array.fromAsync(items()),
    });
    for (const [index, item] of all.entries()) {
      if (index === 1) {
        await effected(theatre, process, {
          effect: { name: `${name}: ${method} on`, writes: false },
          perform: async () => undefined,
        });
      }
      yield item;
    }
  };
  return {
    ...plain,
    root: store.root,
    read: (key, options) => through('read', `${name} read ${key}`, () => store.read(key, options)),
    list: (prefix) => through('list', `${name} list ${prefix}`, () => store.list(prefix)),
  };
}

export interface Stage extends Services {
  readonly landing: ObjectStore;
  readonly secrets: Secrets;
  readonly engineWith: (secrets: Secrets) => Engine;
}

/** Executions as intake and others know them: it asks for one, and whether one is gone. */
export interface Starter extends Executions {
  start(dataset: string): Promise<void>;
}

/** The lake as one process sees it: everything that it asks or changes is an effect. */
export function effectful(
  lake: Stage,
  theatre: Theatre,
  process: number,
  executions: Starter,
): Stage & { readonly executions: Starter } {
  const store = (name: string, inner: ObjectStore) => wrappedStore(name, inner, theatre, process);
  const port = <P extends object>(
    name: string,
    inner: P,
    reads: readonly string[],
    label: (method: string, args: readonly unknown[]) => string = (method) => method,
  ) => wrapped(inner, name, theatre, process, reads, label);
  return {
    ...lake,
    ...eachStore(lake, store),
    ledger: port('ledger', lake.ledger, ['get', 'query'], ledgerLabel),
    catalog: port('catalog', lake.catalog, ['load', 'list']),
    engine: {
      // Keys are asked for before the engine's turn: within it nothing else is performed. It meets the answer where it asks itself.
      async execute(plan) {
        const secrets = port('secrets', lake.secrets, ['read']);
        const keys = new Map<string, PromiseSettledResult<Uint8Array>>();
        for (const name of plan.secrets) {
          const [key] = await Promise.allSettled([secrets.read(name)]);
          keys.set(name, key);
        }
        return port('engine', lake.engineWith(secretsOf(keys)), []).execute(plan);
      },
    },
    notifier: port('notifier', lake.notifier, []),
    executions: port('executions', executions, ['isGone']),
  };
}

const secretsOf = (keys: ReadonlyMap<string, PromiseSettledResult<Uint8Array>>): Secrets => ({
  async read(name) {
    const key = keys.get(name);
    if (key?.status !== 'fulfilled') throw key?.reason ?? new Error(`${name} is not in the plan`);
    return key.value;
  },
});

function ledgerLabel(method: string, [first]: readonly unknown[]): string {
  if (method === 'transact') {
    const writes = first as readonly { kind: string; partition: string }[];
    return `transact ${writes.map(({ kind, partition }) => `${kind} ${partition.replace(/#.*/, '')}`).join(', ')}`;
  }
  const partition = typeof first === 'string' ? first : (first as { partition: string }).partition;
  return `${method} ${partition.replace(/#.*/, '')}`;
}
