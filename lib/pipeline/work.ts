import { datasetId } from '../contract/dataset.ts';
import { isUnfinished } from '../contract/landing-pattern.ts';
import { ConflictError } from '../errors.ts';
import { inParallel } from '../in-parallel.ts';
import { type Intake, type IntakePorts, type LandingPlace, takeIn } from '../intake/take-in.ts';
import { partitions } from '../ledger/entries.ts';
import { knownDatasets } from '../ledger/everything.ts';
import { isOrphaned } from '../ledger/locks.ts';
import { tellOverdue } from '../ledger/notices.ts';
import type { ObjectInfo } from '../ports/object-store.ts';
import { hasSets, isActionable, openSetsOf, pendingPointers, tellOfIncompleteSets } from '../sets/sets.ts';
import { makeTables } from './plan-run.ts';
import type { Services } from './services.ts';
import { settleLanding } from './settle.ts';

/** Objects that are taken in at the same time. */
const AT_ONCE = 32;

export interface WorkReport {
  /** Every object that was found, in key order. */
  readonly files: readonly Intake[];
  /** Keys of objects that were written or taken back while they were read: left for the next time. */
  readonly left: readonly string[];
  /** Under names of uploads under way: not read until they are renamed. */
  readonly unfinished: readonly ObjectInfo[];
  /** Objects that could not be taken in or removed, and datasets whose run failed. The others were worked on. */
  readonly failed: readonly Failure[];
}

export interface Failure {
  /** Key of the object or name of the dataset. */
  readonly subject: string;
  readonly error: unknown;
}

export interface Worker {
  readonly services: Services;
  readonly ports: IntakePorts;
  /** Runs the state machine of a dataset until nothing of it is pending. */
  readonly start: (dataset: string) => Promise<void>;
}

/** Takes in what has landed, then works until nothing is pending: what `headgate run` does, and the sweeper on AWS. */
export async function work({ services, ports, start }: Worker, place: LandingPlace): Promise<WorkReport> {
  await makeMissingTables(services);
  const { files, left, unfinished, failed: notTaken } = await takeInAll(ports, place);
  const failed: Failure[] = [...notTaken];
  for (const dataset of await knownDatasets(services.ledger)) {
    const waiting = await hasWork(services, dataset);
    if (waiting) await start(dataset).catch((error: unknown) => failed.push({ subject: dataset, error }));
  }
  for (const dataset of services.datasets)
    if (hasSets(dataset)) await tellOfIncompleteSets(services, dataset);
  for (const { id, error } of await tellOverdue(services, 0)) failed.push({ subject: id, error });
  if (place.own) {
    for (const { key, error } of await settleLanding(ports)) failed.push({ subject: key, error });
  }
  return { files, left, unfinished, failed };
}

/** A feed of which nothing has been published yet is an empty table, not an unknown one. */
export async function makeMissingTables(services: Services): Promise<void> {
  const known = new Set((await services.catalog.list()).map(({ database, name }) => `${database}/${name}`));
  for (const dataset of services.datasets) {
    if (!known.has(datasetId(dataset))) await makeTables(services, dataset);
  }
}

/** Whether anything of a dataset waits for its state machine: files, a run or replay that was cut off, a lock without owner. */
export async function hasWork(services: Services, dataset: string): Promise<boolean> {
  const { ledger } = services;
  const [pending, open, replays] = await Promise.all([
    waitingOf(services, dataset),
    ledger.query({ partition: partitions.openRuns, prefix: `${dataset}#`, limit: 1 }),
    ledger.query({ partition: partitions.openReplays, prefix: `${dataset}#`, limit: 1 }),
  ]);
  return pending || open.length + replays.length > 0 || isOrphaned(services, dataset);
}

/** Whether a file waits that a run would take, or a set whose fate is decided. Members of incomplete sets are no work. */
async function waitingOf({ ledger, datasets }: Services, id: string): Promise<boolean> {
  const dataset = datasets.find((each) => datasetId(each) === id);
  if (!hasSets(dataset))
    return (await ledger.query({ partition: partitions.pending(id), limit: 1 })).length > 0;
  if ((await pendingPointers(ledger, id)).some(({ set }) => set === undefined)) return true;
  return (await openSetsOf(ledger, dataset)).some(isActionable);
}

async function takeInAll(ports: IntakePorts, place: LandingPlace): Promise<WorkReport> {
  const files: Intake[] = [];
  const left: string[] = [];
  const failed: Failure[] = [];
  const queue: ObjectInfo[] = [];
  const unfinished: ObjectInfo[] = [];
  for await (const object of ports.landing.list(''))
    (isUnfinished(object.key) ? unfinished : queue).push(object);
  // One content under two names: the first name in key order is the file, so names are taken in order.
  let last = Promise.resolve();
  await inParallel(AT_ONCE, queue, async (object) => {
    const { key } = object;
    const { promise, resolve } = Promise.withResolvers<void>();
    const turn = { mine: last, next: resolve };
    last = promise;
    await takeIn(ports, place, object, turn)
      .then(
        (taken) => files.push(taken),
        async (error: unknown) => {
          if (await isLeft(ports, object, error)) left.push(key);
          else failed.push({ subject: key, error });
        },
      )
      // An object that asked for no turn passes it on in order too.
      .finally(() => turn.mine.then(resolve));
  });
  const byKey = (a: Intake, b: Intake) => (a.file.key < b.file.key ? -1 : 1);
  return { files: files.sort(byKey), left: left.sort(), unfinished, failed };
}

/** Its source is still writing it, or has taken it back. */
async function isLeft({ landing }: IntakePorts, { key }: ObjectInfo, error: unknown): Promise<boolean> {
  return error instanceof ConflictError || (await landing.stat(key)) === undefined;
}
