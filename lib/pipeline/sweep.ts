import { tellOfMissing } from '../arrivals/arrivals.ts';
import { datasetId } from '../contract/dataset.ts';
import { isFolder, isUnfinished } from '../contract/landing-pattern.ts';
import { ConflictError } from '../errors.ts';
import { inParallel } from '../in-parallel.ts';
import { type LandingPlace, takeIn } from '../intake/take-in.ts';
import type { FileEntry } from '../ledger/entries.ts';
import { knownDatasets } from '../ledger/everything.ts';
import { isHeld } from '../ledger/locks.ts';
import { tellOverdue } from '../ledger/notices.ts';
import type { ObjectInfo } from '../ports/object-store.ts';
import { hasSets, tellOfIncompleteSets } from '../sets/sets.ts';
import { settleLanding } from './settle.ts';
import { hasWork, makeMissingTables, type Worker } from './work.ts';

/** Younger objects are left to the event that tells of them. */
const GRACE_MS = 5 * 60 * 1000;
/** Each holds up to four parts of 8 MiB, and a sweep has 512 MB. */
const AT_ONCE = 4;

export interface SweepReport {
  /** Objects that no event had brought to intake. */
  readonly found: readonly string[];
  /** Objects under names of uploads under way: not read until they are renamed. */
  readonly unfinished: readonly string[];
  /** Datasets for which an execution was started. */
  readonly started: readonly string[];
  readonly failed: readonly { readonly what: string; readonly error: unknown }[];
}

/**
 * Finds what a crash or a lost event left behind: landed objects without an entry in the ledger, admitted files without a run, runs whose
 * execution is gone or whose lease has ended, notices that nobody has sent, and final files that still lie in landing. What fails does not keep the rest from being swept.
 */
export async function sweep({ services, ports, start }: Worker, place: LandingPlace): Promise<SweepReport> {
  const found: string[] = [];
  const unfinished: string[] = [];
  const started: string[] = [];
  const failed: { what: string; error: unknown }[] = [];
  const isControl = ({ key }: ObjectInfo) => {
    const route = place.route(key);
    return route.kind === 'route' && route.control !== undefined;
  };
  const attempt = async (what: string, work: () => Promise<unknown>) => {
    await work().catch((error: unknown) => failed.push({ what, error }));
  };
  await attempt('making of tables', () => makeMissingTables(services));
  const startWaiting = async (datasets: Iterable<string>) => {
    for (const dataset of datasets)
      await attempt(dataset, async () => {
        if (!(await hasWork(services, dataset)) || (await isHeld(services, dataset))) return;
        await start(dataset);
        started.push(dataset);
      });
  };
  // Landing comes after what is done quickly: a file that takes longer than a sweep may, or more memory than it has, ends the sweep there each time.
  await attempt('look for waiting files', async () => {
    await startWaiting(await knownDatasets(services.ledger));
  });
  await attempt('sending of notices', async () => {
    for (const { id, error } of await tellOverdue(services, GRACE_MS)) failed.push({ what: id, error });
  });
  await attempt('emptying of landing', async () => {
    for (const { key, error } of await settleLanding(ports)) failed.push({ what: key, error });
  });
  const foundIn = new Set<string>();
  await attempt('look into landing', async () => {
    const before = services.clock.now().getTime() - GRACE_MS;
    const objects: ObjectInfo[] = [];
    for (const object of await settledObjects(ports.landing.list(''), before)) {
      if (isUnfinished(object.key)) unfinished.push(object.key);
      else if (!isFolder(object)) objects.push(object);
    }
    // A marker covers what landed before it: members are recorded first.
    for (const portion of [objects.filter(not(isControl)), objects.filter(isControl)])
      await inParallel(AT_ONCE, portion, (object) =>
        attempt(object.key, async () => {
          const file = await newFile(ports, place, object);
          if (file === undefined) return;
          found.push(object.key);
          foundIn.add(file.dataset);
        }),
      );
  });
  await startWaiting(foundIn);
  // What landed without an event is not missing.
  for (const dataset of services.datasets)
    await attempt(`look after what ${datasetId(dataset)} waits for`, async () => {
      if (hasSets(dataset)) await tellOfIncompleteSets(services, dataset);
      await tellOfMissing(services, dataset);
    });
  return { found: found.sort(), unfinished, started, failed };
}

const not =
  <Item>(test: (item: Item) => boolean) =>
  (item: Item) =>
    !test(item);

async function settledObjects(objects: AsyncIterable<ObjectInfo>, before: number): Promise<ObjectInfo[]> {
  const old: ObjectInfo[] = [];
  for await (const object of objects) if (object.modified.getTime() < before) old.push(object);
  return old;
}

/** An object that changes while it is read has an event of its own. */
async function newFile(
  ports: Worker['ports'],
  place: LandingPlace,
  object: ObjectInfo,
): Promise<FileEntry | undefined> {
  try {
    const { file, isNew } = await takeIn(ports, place, object);
    return isNew ? file : undefined;
  } catch (error) {
    if (error instanceof ConflictError) return undefined;
    throw error;
  }
}
