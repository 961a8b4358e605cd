import { TerminalError } from '../errors.ts';
import type { TableName } from '../ports/catalog.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import { manifestPaths } from './manifests.ts';
import type { Snapshot, SnapshotId, TableMetadata } from './metadata.ts';
import { ancestors, RUN_ID } from './snapshots.ts';
import {
  keyOf,
  loadTable,
  manifest,
  manifestsOf,
  type Table,
  type TablePorts,
  tableFolder,
} from './table.ts';
import { changeTime, update } from './update.ts';

export interface ExpiryOrder {
  /** Milliseconds for which a snapshot stays readable after another one has taken its place, and for which a file may wait for its commit. */
  readonly grace: number;
  /** Snapshots of the current line that stay whatever their age, at least 1. */
  readonly keep: number;
  /** Ids of the runs that are not final in the ledger: their files wait for a commit, and their snapshots are how a repeated commit knows itself. */
  readonly openRuns: readonly string[];
}

export interface Expiry {
  readonly snapshots: number;
  readonly files: number;
  readonly bytes: number;
}

/** A commit writes its files long before its swap; Spark's remove_orphan_files refuses less than 24 hours, runs of Headgate are shorter. */
export const LEAST_GRACE = 60 * 60 * 1000;
const AT_ONCE = 16;

/**
 * Forgets old snapshots, then removes the files under the table's `data/` and `metadata/` that nothing needs any more: those of the forgotten
 * snapshots, and those that dead runs and lost commits left. Metadata first, files after: death in between leaves files that the next expiry
 * finds, for what is removed is told from what is there and what can be reached, not from a list of what was forgotten.
 *
 * Run ids go with their snapshots. That a very late repeated publish of such a run does not commit it again is the ledger's to guard: a run
 * may commit only while it holds its dataset's lock with its own epoch, and a run that is not final is in `openRuns`, so that its snapshot
 * stays. A table property with all run ids would grow with every run and be read at every query.
 * @throws TerminalError for a grace below an hour or a `keep` below 1
 */
export async function expire(ports: TablePorts, name: TableName, order: ExpiryOrder): Promise<Expiry> {
  if (!(order.grace >= LEAST_GRACE && order.keep >= 1)) {
    throw new TerminalError(
      `expiry of ${tableFolder(name)} with a grace of ${order.grace} ms and ${order.keep} snapshots; allowed: at least ${LEAST_GRACE} ms and 1`,
      { fault: 'contract' },
    );
  }
  const before = new Date(ports.clock.now().getTime() - order.grace);
  const snapshots = await update(ports, name, async (table) => {
    const metadata = withoutOld(table, before.getTime(), order);
    const forgotten = table.metadata.snapshots.length - metadata.snapshots.length;
    const shorterLog = metadata['metadata-log'].length < table.metadata['metadata-log'].length;
    if (forgotten === 0 && !shorterLog) return { result: 0 };
    return { metadata: { ...metadata, 'last-updated-ms': changeTime(ports, table) }, result: forgotten };
  });
  const table = await loadTable(ports, name);
  if (table === undefined)
    throw new TerminalError(`there is no table ${tableFolder(name)}`, { fault: 'headgate' });
  return {
    snapshots,
    ...(await removeUnreachable(ports.store, table, { before, openRuns: order.openRuns })),
  };
}

/** Metadata without the snapshots that are kept by nothing, and without the log of metadata files of that age. */
export function withoutOld(
  table: Pick<Table, 'metadata'>,
  before: number,
  order: Pick<ExpiryOrder, 'keep' | 'openRuns'>,
): TableMetadata {
  const { metadata } = table;
  const kept = keptSnapshots(table, before, order);
  const isKept = (entry: { readonly 'snapshot-id': SnapshotId }) => kept.has(entry['snapshot-id']);
  const log = metadata['snapshot-log'];
  return {
    ...metadata,
    snapshots: metadata.snapshots.filter(isKept),
    // Spec, "snapshot-log": what stands before an expired snapshot goes as well, the history would have holes.
    'snapshot-log': log.slice(log.findLastIndex((entry) => !isKept(entry)) + 1),
    'metadata-log': metadata['metadata-log'].filter((entry) => entry['timestamp-ms'] >= before),
  };
}

/**
 * Of the current line everything from the oldest snapshot on that is kept by its age, by `keep` or by an open run: a line without holes, in which
 * run ids are found. Beside the line what branches and tags name, and what was rolled back less than the grace ago.
 */
export function keptSnapshots(
  table: Pick<Table, 'metadata'>,
  before: number,
  { keep, openRuns }: Pick<ExpiryOrder, 'keep' | 'openRuns'>,
): ReadonlySet<SnapshotId> {
  const { metadata } = table;
  const until = lastSeen(metadata);
  const named = new Set(Object.values(metadata.refs).map((ref) => ref['snapshot-id']));
  const isNeeded = (snapshot: Snapshot) =>
    named.has(snapshot['snapshot-id']) ||
    openRuns.includes(snapshot.summary[RUN_ID] ?? '') ||
    until(snapshot) >= before;
  const line = ancestors(table);
  const oldest = Math.max(
    keep - 1,
    line.findLastIndex((snapshot) => isNeeded(snapshot)),
  );
  return new Set(
    [...line.slice(0, oldest + 1), ...metadata.snapshots.filter(isNeeded)].map(
      (snapshot) => snapshot['snapshot-id'],
    ),
  );
}

/** When readers last got to see a snapshot, in milliseconds: the time another one took its place, not its own. */
function lastSeen(metadata: TableMetadata): (snapshot: Snapshot) => number {
  const log = metadata['snapshot-log'];
  const until = new Map<SnapshotId, number>();
  for (const [index, entry] of log.entries())
    until.set(entry['snapshot-id'], log[index + 1]?.['timestamp-ms'] ?? Number.POSITIVE_INFINITY);
  return (snapshot) => until.get(snapshot['snapshot-id']) ?? snapshot['timestamp-ms'];
}

interface Sweep {
  readonly before: Date;
  readonly openRuns: readonly string[];
}

async function removeUnreachable(
  store: ObjectStore,
  table: Table,
  { before, openRuns }: Sweep,
): Promise<Omit<Expiry, 'snapshots'>> {
  const needed = await neededKeys(store, table);
  const folder = keyOf(store, table.metadata.location);
  const open = openRuns.map((runId) => `${folder}/data/${runId}/`);
  let files = 0;
  let bytes = 0;
  let batch: string[] = [];
  const removeBatch = async () => {
    await Promise.all(batch.map((key) => store.remove(key)));
    batch = [];
  };
  for (const place of ['data', 'metadata']) {
    for await (const object of store.list(`${folder}/${place}/`)) {
      const { key } = object;
      if (needed.has(key) || object.modified >= before || open.some((prefix) => key.startsWith(prefix)))
        continue;
      files += 1;
      bytes += object.bytes;
      batch.push(key);
      if (batch.length >= AT_ONCE) await removeBatch();
    }
  }
  await removeBatch();
  return { files, bytes };
}

/**
 * Keys of all that the table's snapshots reach: whatever address stands in the metadata (manifest lists, logged metadata, statistics of other
 * writers), the manifests, and every file that a manifest holds and has not marked as deleted.
 */
export async function neededKeys(store: ObjectStore, table: Table): Promise<ReadonlySet<string>> {
  const { metadata, pointer } = table;
  const addresses = new Set([pointer.metadataLocation, ...textsIn(metadata)]);
  const read = new Set<string>();
  for (const snapshot of metadata.snapshots) {
    for (const listed of await manifestsOf(store, snapshot)) {
      const path = String(listed.manifest_path);
      if (read.has(path)) continue;
      read.add(path);
      addresses.add(path);
      for (const file of manifestPaths(await manifest(store, listed))) addresses.add(file);
    }
  }
  const keys = [...addresses].filter((address) => address.startsWith(`${metadata.location}/`));
  return new Set(keys.map((address) => keyOf(store, address)));
}

function textsIn(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap(textsIn);
}
