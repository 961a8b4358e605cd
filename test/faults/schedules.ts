import { FAULTS, type Fault, type FaultKind } from './effects.ts';

/** Everything that decides what happens to the three files. */
export interface Schedule {
  readonly faults: readonly Fault[];
  /** Files by number, in the order in which events tell of them; some may be told of twice or never. */
  readonly deliveries: readonly number[];
  /** `turns`: one process does one file after the other, a run each. `each`: every event has a process of its own that starts the state machine, all at once. `end`: one process does all. */
  readonly starts: 'end' | 'each' | 'turns';
  /** `laptop`: no events, `headgate run` does all. */
  readonly place: 'cloud' | 'laptop';
  /** Whether others can tell that a process has died; else only the lease frees its lock. */
  readonly knowsDead: boolean;
  /** From this call on the disk has no room, until the faults are over. @default it has room */
  readonly fullAt?: number;
}

export const CALM: Schedule = {
  faults: [],
  deliveries: [0, 1, 2],
  starts: 'end',
  place: 'cloud',
  knowsDead: true,
};

/** Such as `cloud:end:dead:0.1.2:14=kill,30=lost`, with `:80` behind it where the disk is full from its 80th call on. */
export const printSchedule = ({ faults, deliveries, starts, place, knowsDead, fullAt }: Schedule): string =>
  [
    place,
    starts,
    knowsDead ? 'dead' : 'unknown',
    deliveries.join('.'),
    faults.map(({ at, kind }) => `${at}=${kind}`).join(','),
    ...(fullAt === undefined ? [] : [fullAt]),
  ].join(':');

export function parseSchedule(text: string): Schedule {
  const [place, starts, dead, deliveries = '', faults = '', fullAt] = text.split(':');
  return {
    ...(fullAt === undefined ? {} : { fullAt: Number(fullAt) }),
    place: oneOf(place, ['cloud', 'laptop']),
    starts: oneOf(starts, ['end', 'each', 'turns']),
    knowsDead: oneOf(dead, ['dead', 'unknown']) === 'dead',
    deliveries: deliveries === '' ? [] : deliveries.split('.').map(Number),
    faults:
      faults === ''
        ? []
        : faults.split(',').map((each) => {
            const [at, kind] = each.split('=');
            return { at: Number(at), kind: oneOf(kind, FAULTS) };
          }),
  };
}

function oneOf<Word extends string>(text: string | undefined, words: readonly Word[]): Word {
  const found = words.find((word) => word === text);
  if (found === undefined) throw new Error(`${text} in a schedule; allowed: ${words.join(', ')}`);
  return found;
}

/** Numbers below 1 that depend on the seed alone (mulberry32). */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * Two to five faults, events in any order, twice, or lost, and of ten schedules one with a disk that fills up.
 * `effects` and `diskCalls`: of a calm run; recovery has as many effects again.
 */
export function randomSchedule(
  seed: number,
  { effects, diskCalls }: { readonly effects: number; readonly diskCalls: number },
): Schedule {
  const random = randomOf(seed);
  const below = (limit: number) => Math.floor(random() * limit);
  const pick = <Item>(items: readonly Item[]): Item => items[below(items.length)] as Item;
  const deliveries = [0, 1, 2]
    .flatMap((index) => Array.from({ length: pick([1, 1, 1, 2, 0]) }, () => index))
    .map((index) => ({ index, order: random() }))
    .sort((a, b) => a.order - b.order)
    .map(({ index }) => index);
  const faults = new Map<number, FaultKind>();
  for (let count = 2 + below(4); count > 0; count--) faults.set(1 + below(effects * 2), pick(FAULTS));
  return {
    deliveries,
    starts: pick(['end', 'each', 'turns']),
    place: pick(['cloud', 'cloud', 'laptop']),
    knowsDead: random() < 0.7,
    faults: [...faults].map(([at, kind]) => ({ at, kind })).sort((a, b) => a.at - b.at),
    ...(random() < 0.1 ? { fullAt: 1 + below(diskCalls) } : {}),
  };
}

/** Every fault that makes sense at an effect, one at a time. */
export function* singleSchedules(trace: readonly { readonly name: string; readonly writes: boolean }[]) {
  for (const [index, { name, writes }] of trace.entries()) {
    for (const kind of FAULTS) {
      // Done twice, or done without an answer, a read is as good as once or as failed.
      if (!writes && ['lost', 'repeat', 'kill-after'].includes(kind)) continue;
      if (kind === 'stale' && !/^(catalog: load|[a-z]+: list)/.test(name)) continue;
      // Alone, nobody is there to go ahead.
      if (kind === 'delay') continue;
      if (kind === 'garble' && name !== 'engine: execute') continue;
      yield { ...CALM, faults: [{ at: index + 1, kind }] } satisfies Schedule;
    }
  }
}

/** The events of the three files in every order, each told of once, twice or never; no faults. */
export function* orderSchedules() {
  const orders = [
    [0, 1, 2],
    [0, 2, 1],
    [1, 0, 2],
    [1, 2, 0],
    [2, 0, 1],
    [2, 1, 0],
  ];
  const oddities = [
    (order: readonly number[]) => order,
    (order: readonly number[]) => [...order, ...order],
    (order: readonly number[]) => order.flatMap((index) => [index, index]),
    (order: readonly number[]) => order.slice(1),
    () => [],
  ];
  for (const starts of ['end', 'each', 'turns'] as const)
    for (const odd of oddities)
      for (const order of odd.length === 0 ? [[0]] : orders)
        yield { ...CALM, starts, deliveries: odd(order) } satisfies Schedule;
}

/** The disk full from each of its calls on. */
export function* fullDiskSchedules(calls: number) {
  for (let fullAt = 1; fullAt <= calls; fullAt++) yield { ...CALM, fullAt } satisfies Schedule;
}

/** The smallest schedule that still fails, found by leaving out faults, one after the other, and then the other oddities. */
export async function shrunk(
  schedule: Schedule,
  fails: (schedule: Schedule) => Promise<boolean>,
): Promise<Schedule> {
  let smallest = schedule;
  for (const fault of schedule.faults) {
    const without = { ...smallest, faults: smallest.faults.filter((each) => each !== fault) };
    if (await fails(without)) smallest = without;
  }
  for (const part of ['deliveries', 'starts', 'place', 'knowsDead'] as const) {
    const plain = { ...smallest, [part]: CALM[part] };
    if (smallest[part] !== CALM[part] && (await fails(plain))) smallest = plain;
  }
  const { fullAt, ...roomy } = smallest;
  return fullAt !== undefined && (await fails(roomy)) ? roomy : smallest;
}

const TELLING: readonly (readonly [RegExp, readonly FaultKind[]])[] = [
  [/^catalog: swap/, ['repeat', 'lost', 'kill', 'deny']],
  [/^engine: execute/, ['garble', 'lease']],
  [/^notifier: notify/, ['kill', 'fail']],
  [/transact .*put (run|object)/, ['lost', 'fail', 'kill', 'lease']],
  [/^landing: remove/, ['kill']],
];

/** The few schedules that tell most: the moments at which a table, a run or a notice changes, and events that come twice or never. */
export function* tellingSchedules(
  trace: readonly { readonly name: string }[],
  turns: readonly { readonly name: string }[],
) {
  for (const [index, { name }] of turns.entries())
    if (/put run, delete open-run/.test(name))
      yield { ...CALM, starts: 'turns', faults: [{ at: index + 1, kind: 'lost' }] } satisfies Schedule;
  yield { ...CALM, deliveries: [1, 1, 2, 0], starts: 'each' } satisfies Schedule;
  yield { ...CALM, deliveries: [1] } satisfies Schedule;
  yield { ...CALM, fullAt: 1 } satisfies Schedule;
  for (const [index, { name }] of trace.entries()) {
    for (const kind of TELLING.flatMap(([effect, kinds]) => (effect.test(name) ? kinds : []))) {
      const faults = [{ at: index + 1, kind }];
      yield { ...CALM, knowsDead: kind !== 'kill', faults } satisfies Schedule;
    }
  }
}
