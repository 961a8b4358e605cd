import { datasetId } from '../contract/dataset.ts';
import { ConflictError } from '../errors.ts';
import { type IntakePorts, type LandingPlace, type Turn, takeIn } from '../intake/take-in.ts';
import type { FileEntry } from '../ledger/entries.ts';
import { partitions } from '../ledger/entries.ts';
import type { ObjectInfo } from '../ports/object-store.ts';
import { makeTables } from './plan-run.ts';
import type { Services } from './services.ts';
import { settleLanding } from './settle.ts';

/** Objects that are taken in at the same time. */
const AT_ONCE = 16;

export interface WorkReport {
  /** Every object that was found, in key order. */
  readonly files: readonly { readonly file: FileEntry; readonly isNew: boolean }[];
  /** Datasets whose run failed. */
  readonly failed: readonly { readonly dataset: string; readonly error: unknown }[];
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
  const files = await takeInAll(ports, place);
  const failed: { dataset: string; error: unknown }[] = [];
  const known = await services.ledger.query<{ dataset: string }>({ partition: partitions.datasets });
  for (const { body } of known) {
    const waiting = await hasWork(services, body.dataset);
    if (waiting)
      await start(body.dataset).catch((error: unknown) => failed.push({ dataset: body.dataset, error }));
  }
  await settleLanding({ ledger: services.ledger, landing: ports.landing, raw: ports.raw });
  return { files, failed };
}

/** A feed of which nothing has been published yet is an empty table, not an unknown one. */
export async function makeMissingTables(services: Services): Promise<void> {
  const known = new Set((await services.catalog.list()).map(({ database, name }) => `${database}/${name}`));
  for (const dataset of services.datasets) {
    if (!known.has(datasetId(dataset))) await makeTables(services, dataset);
  }
}

/** Whether files of the dataset wait, or a run of it was begun and not ended. */
export async function hasWork({ ledger }: Services, dataset: string): Promise<boolean> {
  const pending = await ledger.query({ partition: partitions.pending(dataset), limit: 1 });
  const open = await ledger.query({ partition: partitions.openRuns, prefix: `${dataset}#`, limit: 1 });
  return pending.length + open.length > 0;
}

async function takeInAll(ports: IntakePorts, place: LandingPlace): Promise<WorkReport['files']> {
  const files: WorkReport['files'][number][] = [];
  const queue: ObjectInfo[] = [];
  for await (const object of ports.landing.list('')) queue.push(object);
  // One content under two names: the first name in key order is the file, so names are taken in order.
  let last = Promise.resolve();
  const worker = async () => {
    for (let object = queue.shift(); object !== undefined; object = queue.shift()) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const turn = { mine: last, next: resolve };
      last = promise;
      const taken = await takeInUnlessChanging(ports, place, object, turn).finally(resolve);
      if (taken !== undefined) files.push(taken);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return files.sort((a, b) => (a.file.key < b.file.key ? -1 : 1));
}

/** An object that somebody is still writing is left for the next time. */
async function takeInUnlessChanging(ports: IntakePorts, place: LandingPlace, object: ObjectInfo, turn: Turn) {
  try {
    return await takeIn(ports, place, object, turn);
  } catch (error) {
    if (error instanceof ConflictError) return undefined;
    throw error;
  }
}
