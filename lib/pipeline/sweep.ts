import { tellOfMissing } from '../arrivals/arrivals.ts';
import { datasetId } from '../contract/dataset.ts';
import { ConflictError } from '../errors.ts';
import { type LandingPlace, takeIn } from '../intake/take-in.ts';
import { partitions } from '../ledger/entries.ts';
import { isHeld } from '../ledger/locks.ts';
import type { ObjectInfo } from '../ports/object-store.ts';
import { hasSets, tellOfIncompleteSets } from '../sets/sets.ts';
import { settleLanding } from './settle.ts';
import { hasWork, makeMissingTables, type Worker } from './work.ts';

/** Younger objects are left to the event that tells of them. */
const GRACE_MS = 5 * 60 * 1000;
const AT_ONCE = 8;

export interface SweepReport {
  /** Objects that no event had brought to intake. */
  readonly found: readonly string[];
  /** Datasets for which an execution was started. */
  readonly started: readonly string[];
  readonly failed: readonly { readonly what: string; readonly error: unknown }[];
}

/**
 * Finds what a crash or a lost event left behind: landed objects without an entry in the ledger, admitted files without a run, runs whose
 * execution is gone or whose lease has ended, and final files that still lie in landing. What fails does not keep the rest from being swept.
 */
export async function sweep({ services, ports, start }: Worker, place: LandingPlace): Promise<SweepReport> {
  const found: string[] = [];
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
  await attempt('look into landing', async () => {
    const before = services.clock.now().getTime() - GRACE_MS;
    const objects = await settledObjects(ports.landing.list(''), before);
    // A marker covers what landed before it: members are recorded first.
    for (const portion of [objects.filter(not(isControl)), objects.filter(isControl)])
      await inParallel(portion, (object) =>
        attempt(object.key, async () => {
          if (await isNewFile(ports, place, object)) found.push(object.key);
        }),
      );
  });
  await attempt('look for waiting files', async () => {
    const known = await services.ledger.query<{ dataset: string }>({ partition: partitions.datasets });
    for (const { body } of known) {
      await attempt(body.dataset, async () => {
        if (!(await hasWork(services, body.dataset)) || (await isHeld(services, body.dataset))) return;
        await start(body.dataset);
        started.push(body.dataset);
      });
    }
  });
  for (const dataset of services.datasets)
    await attempt(`look after what ${datasetId(dataset)} waits for`, async () => {
      if (hasSets(dataset)) await tellOfIncompleteSets(services, dataset);
      await tellOfMissing(services, dataset);
    });
  await attempt('emptying of landing', async () => {
    for (const { key, error } of await settleLanding(ports)) failed.push({ what: key, error });
  });
  return { found: found.sort(), started, failed };
}

const not =
  <Item>(test: (item: Item) => boolean) =>
  (item: Item) =>
    !test(item);

async function inParallel<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  const queue = [...items];
  const worker = async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

async function settledObjects(objects: AsyncIterable<ObjectInfo>, before: number): Promise<ObjectInfo[]> {
  const old: ObjectInfo[] = [];
  for await (const object of objects) if (object.modified.getTime() < before) old.push(object);
  return old;
}

/** An object that changes while it is read has an event of its own. */
async function isNewFile(ports: Worker['ports'], place: LandingPlace, object: ObjectInfo): Promise<boolean> {
  try {
    return (await takeIn(ports, place, object)).isNew;
  } catch (error) {
    if (error instanceof ConflictError) return false;
    throw error;
  }
}
