import type { TableName } from '../ports/catalog.ts';
import { encodeManifestList } from './manifests.ts';
import type { Snapshot } from './metadata.ts';
import { ancestors, newSnapshotId, RUN_ID, snapshotById, snapshotOfRun, withSnapshot } from './snapshots.ts';
import { manifestsOf, shapeOf, snapshotText, type Table, type TablePorts } from './table.ts';
import { changeTime, type Put, update } from './update.ts';

export interface RollbackOrder {
  /** Null: the table before its first snapshot, that is without rows. A snapshot that was rolled back brings its rows back. */
  readonly toSnapshot: string | null;
  /** Of the act itself: doing it twice finds it done. */
  readonly runId: string;
}

export interface Rollback {
  readonly status: 'committed' | 'already';
  /** The new current snapshot. */
  readonly snapshot: string;
  /** Ids of the runs whose changes readers see no more, newest first. Runs whose snapshots have expired are not known. */
  readonly withdrawn: readonly string[];
  /** Ids of the runs whose changes readers see again, newest first. */
  readonly restored: readonly string[];
}

const FROM = 'headgate.rolled-back-from';
const NOTHING = 'none';

/**
 * Makes the table what it was at a snapshot, in one swap. The new current snapshot is a child of that one, with its manifests and an operation
 * `replace` that changes nothing. Setting `main` back to the old snapshot itself, as Iceberg's own procedure does, leaves no place for the run
 * id of the act; a child of the current snapshot would keep the withdrawn runs among the ancestors, where `commit` looks for run ids, and
 * would be a change without changed files to incremental readers. So: ancestors of the current snapshot are what stands in the table, all
 * of it. Columns stay as they are now: what was added since reads as null.
 * @throws TerminalError for a snapshot that the table does not have
 */
export const rollback = (ports: TablePorts, name: TableName, order: RollbackOrder): Promise<Rollback> =>
  update<Rollback>(ports, name, async (table, put) => {
    const done = snapshotOfRun(table, order.runId);
    if (done !== undefined) return { result: resultOf(table, done, 'already') };
    const target = order.toSnapshot === null ? undefined : snapshotById(table, order.toSnapshot);
    const snapshot = await childOf(ports, table, { target, runId: order.runId, put });
    const metadata = withSnapshot(table.metadata, snapshot);
    return { metadata, result: resultOf({ metadata }, snapshot, 'committed') };
  });

interface Child {
  readonly target: Snapshot | undefined;
  readonly runId: string;
  readonly put: Put;
}

async function childOf(ports: TablePorts, table: Table, { target, runId, put }: Child): Promise<Snapshot> {
  const { metadata } = table;
  const id = newSnapshotId(ports.newId());
  const sequenceNumber = metadata['last-sequence-number'] + 1;
  const parent = target?.['snapshot-id'];
  const list = `${metadata.location}/metadata/snap-${id}-${ports.newId()}.avro`;
  const manifests = target === undefined ? [] : await manifestsOf(ports.store, target);
  await put(list, encodeManifestList(manifests, { id, parent, sequenceNumber }));
  const totals = Object.entries(target?.summary ?? EMPTY).filter(([key]) => key.startsWith('total-'));
  return {
    'snapshot-id': id,
    ...(parent === undefined ? {} : { 'parent-snapshot-id': parent }),
    'sequence-number': sequenceNumber,
    'timestamp-ms': changeTime(ports, table),
    'manifest-list': list,
    'schema-id': shapeOf(metadata).schemaId,
    summary: {
      operation: 'replace',
      [RUN_ID]: runId,
      [FROM]: snapshotText(table) ?? NOTHING,
      ...Object.fromEntries(totals),
    },
  };
}

const EMPTY = {
  'total-records': '0',
  'total-data-files': '0',
  'total-delete-files': '0',
  'total-position-deletes': '0',
  'total-equality-deletes': '0',
};

function resultOf(table: Pick<Table, 'metadata'>, done: Snapshot, status: Rollback['status']): Rollback {
  const left = table.metadata.snapshots.find(
    (snapshot) => String(snapshot['snapshot-id']) === done.summary[FROM],
  );
  const before = left === undefined ? [] : ancestors(table, left['snapshot-id']);
  const after = ancestors(table, done['snapshot-id']).slice(1);
  return {
    status,
    snapshot: String(done['snapshot-id']),
    withdrawn: runsOf(before.filter((snapshot) => !after.includes(snapshot))),
    restored: runsOf(after.filter((snapshot) => !before.includes(snapshot))),
  };
}

const runsOf = (list: readonly Snapshot[]): readonly string[] =>
  list.flatMap(({ summary }) => (summary[RUN_ID] === undefined ? [] : [summary[RUN_ID]]));
