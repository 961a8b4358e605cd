import { ConflictError, TerminalError } from '../errors.ts';
import type { TableName } from '../ports/catalog.ts';
import type { DataFile } from './data-file.ts';
import {
  addedEntry,
  encodeManifest,
  encodeManifestList,
  listEntry,
  type ManifestEntry,
  type ManifestListEntry,
  STATUS,
  type TableShape,
} from './manifests.ts';
import type { Snapshot, SnapshotId } from './metadata.ts';
import { newSnapshotId, RUN_ID, snapshotOfRun, withSnapshot } from './snapshots.ts';
import {
  currentSnapshot,
  loadTable,
  manifest,
  manifestList,
  requireSnapshot,
  shapeOf,
  type Table,
  type TablePorts,
} from './table.ts';
import { changeTime, type Put, update } from './update.ts';

export interface Change {
  /** Stands in the snapshot: committing a run twice finds it there and does nothing. */
  readonly runId: string;
  readonly add: readonly DataFile[];
  /** Addresses of live files. */
  readonly remove: readonly string[];
  /** Rows of removed files that `add` holds again. */
  readonly kept: number;
  /** `replace`: the same rows in other files, as a compaction does. @default told from what is added and removed */
  readonly operation?: 'replace';
  /** `retry`: append to whatever is current. Otherwise the snapshot that the change was planned on, null for none. */
  readonly onto: 'retry' | { readonly snapshot: string | null };
}

export interface Commit {
  readonly status: 'committed' | 'already';
  readonly snapshot: string;
}

/** From this many manifests on an append writes them into one, so that readers open few. */
const MERGE_MANIFESTS_FROM = 40;

/**
 * One atomic change of a table: readers see the snapshot before it or after it. A run is known by its id in the snapshots that led to the
 * current one: a run that was rolled back is not among them, so a replay of it is committed. A run whose snapshot has expired is not either: the
 * ledger guards that, see `expire`.
 * @throws ConflictError when the table is not at `onto`, a compaction's files are gone, or other writers were faster too often; TerminalError
 * for a file that is added twice or removed without being live
 */
export const commit = (ports: TablePorts, name: TableName, change: Change): Promise<Commit> =>
  update<Commit>(ports, name, async (table, put) => {
    const done = snapshotOfRun(table, change.runId);
    if (done !== undefined) return { result: { status: 'already', snapshot: String(done['snapshot-id']) } };
    if (change.onto !== 'retry') requireSnapshot(table, change.onto.snapshot);
    const snapshot = await newSnapshot(contextOf(ports, table, change, put));
    return {
      metadata: withSnapshot(table.metadata, snapshot),
      result: { status: 'committed', snapshot: String(snapshot['snapshot-id']) },
    };
  });

/** The snapshot that a run has committed to a table, if any. */
export async function committedBy(
  ports: TablePorts,
  name: TableName,
  runId: string,
): Promise<string | undefined> {
  const table = await loadTable(ports, name);
  const snapshot = table === undefined ? undefined : snapshotOfRun(table, runId);
  return snapshot === undefined ? undefined : String(snapshot['snapshot-id']);
}

async function newSnapshot(context: Context): Promise<Snapshot> {
  const { table, change, put } = context;
  const kept = await keptManifests(context);
  const added =
    change.add.length === 0 ? [] : [await newManifest(context, addedEntries(context), context.shape)];
  const list = `${table.metadata.location}/metadata/snap-${context.id}-${context.ports.newId()}.avro`;
  const parent = currentSnapshot(table)?.['snapshot-id'];
  const next = { id: context.id, parent, sequenceNumber: context.sequenceNumber };
  await put(list, encodeManifestList([...kept.manifests, ...added], next));
  return snapshotOf(context, list, kept);
}

interface Context {
  readonly ports: TablePorts;
  readonly table: Table;
  readonly change: Change;
  readonly shape: TableShape;
  readonly id: SnapshotId;
  readonly sequenceNumber: number;
  readonly put: Put;
}

const contextOf = (ports: TablePorts, table: Table, change: Change, put: Put): Context => ({
  ports,
  table,
  change,
  put,
  shape: shapeOf(table.metadata),
  id: newSnapshotId(ports.newId()),
  sequenceNumber: table.metadata['last-sequence-number'] + 1,
});

function addedEntries({ change, id, shape }: Context): readonly ManifestEntry[] {
  const paths = new Set(change.add.map(({ path }) => path));
  if (paths.size !== change.add.length)
    throw new TerminalError(`run ${change.runId} adds a file twice`, { fault: 'headgate' });
  return change.add.map((file) => addedEntry(file, id, shape));
}

interface Kept {
  readonly manifests: readonly ManifestListEntry[];
  readonly removedRows: number;
  readonly removedFiles: number;
}

/**
 * Manifests of the snapshot before. Rewritten are those that hold removed files, and all of them once they have become many or in a
 * compaction: then one manifest per partition spec. Delete manifests of other writers are carried on as they are.
 */
async function keptManifests(context: Context): Promise<Kept> {
  const { ports, table, change } = context;
  const listed = await manifestList(ports.store, table);
  const removed = new Set(change.remove);
  const mergeAll = change.operation === 'replace' || listed.length >= MERGE_MANIFESTS_FROM;
  if (removed.size === 0 && !mergeAll) return { manifests: listed, removedRows: 0, removedFiles: 0 };
  const manifests: ManifestListEntry[] = [];
  const merged = new Map<number, ManifestEntry[]>();
  let removedRows = 0;
  for (const each of listed) {
    const entries =
      Number(each.content) === 0
        ? (await manifest(ports.store, each)).filter(({ status }) => status !== STATUS.deleted)
        : [];
    const touched = entries.some(({ file }) => removed.has(String(file.file_path)));
    if (Number(each.content) !== 0 || !(touched || mergeAll)) {
      manifests.push(each);
      continue;
    }
    const spec = Number(each.partition_spec_id);
    const together = merged.get(spec) ?? [];
    merged.set(spec, together);
    for (const entry of entries) {
      const gone = removed.delete(String(entry.file.file_path));
      if (gone) removedRows += Number(entry.file.record_count);
      together.push(
        gone
          ? { ...entry, status: STATUS.deleted, snapshotId: context.id }
          : { ...entry, status: STATUS.existing },
      );
    }
  }
  if (removed.size > 0) throw notLive(change, removed.size);
  for (const [spec, entries] of merged) {
    if (entries.length > 0)
      manifests.push(await newManifest(context, entries, shapeOf(table.metadata, spec)));
  }
  return { manifests, removedRows, removedFiles: change.remove.length };
}

/** A compaction takes no part in the order of runs: that its files are gone by now only means that it came too late. */
function notLive({ runId, operation }: Change, files: number): Error {
  const message = `run ${runId} removes ${files} files that are not in the table`;
  return operation === 'replace'
    ? new ConflictError(`${message} any more; it has to be planned again`, { fault: 'headgate' })
    : new TerminalError(message, { fault: 'headgate' });
}

async function newManifest(
  context: Context,
  entries: readonly ManifestEntry[],
  shape: TableShape,
): Promise<ManifestListEntry> {
  const { ports, table, id, sequenceNumber, put } = context;
  const path = `${table.metadata.location}/metadata/${ports.newId()}-m0.avro`;
  const bytes = encodeManifest(entries, shape);
  await put(path, bytes);
  return listEntry(entries, { path, bytes: bytes.length, snapshotId: id, sequenceNumber }, shape.specId);
}

function snapshotOf(context: Context, list: string, { removedRows, removedFiles }: Kept): Snapshot {
  const { ports, table, change, shape, id, sequenceNumber } = context;
  const before = currentSnapshot(table);
  const total = (name: string) => Number(before?.summary[name] ?? 0);
  const addedRows = change.add.reduce((sum, { rows }) => sum + rows, 0);
  const rows = total('total-records') + addedRows - removedRows;
  const files = total('total-data-files') + change.add.length - removedFiles;
  const changesRows = change.operation === 'replace' && addedRows !== removedRows;
  if (rows < 0 || files < 0 || change.kept > removedRows || changesRows) {
    throw new TerminalError(`run ${change.runId}: rows after the commit do not add up`, {
      fault: 'headgate',
    });
  }
  const bytes = (list: readonly { readonly bytes: number }[]) =>
    list.reduce((sum, file) => sum + file.bytes, 0);
  return {
    'snapshot-id': id,
    ...(before === undefined ? {} : { 'parent-snapshot-id': before['snapshot-id'] }),
    'sequence-number': sequenceNumber,
    'timestamp-ms': changeTime(ports, table),
    'manifest-list': list,
    'schema-id': shape.schemaId,
    summary: {
      operation: change.operation ?? operationOf(change),
      [RUN_ID]: change.runId,
      'added-data-files': String(change.add.length),
      'deleted-data-files': String(removedFiles),
      'added-records': String(addedRows),
      'deleted-records': String(removedRows),
      'added-files-size': String(bytes(change.add)),
      'total-records': String(rows),
      'total-data-files': String(files),
      'total-delete-files': '0',
      'total-position-deletes': '0',
      'total-equality-deletes': '0',
    },
  };
}

const operationOf = ({ add, remove }: Change): string =>
  remove.length === 0 ? 'append' : add.length === 0 ? 'delete' : 'overwrite';
