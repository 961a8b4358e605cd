import { createHash } from 'node:crypto';
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
import type { Snapshot, SnapshotId, TableMetadata } from './metadata.ts';
import {
  currentSnapshot,
  keyOf,
  loadTable,
  manifest,
  manifestList,
  shapeOf,
  snapshotText,
  type Table,
  type TablePorts,
  writeMetadata,
} from './table.ts';

export interface Change {
  /** Stands in the snapshot: committing a run twice finds it there and does nothing. */
  readonly runId: string;
  readonly add: readonly DataFile[];
  /** Addresses of live files. */
  readonly remove: readonly string[];
  /** Rows of removed files that `add` holds again. */
  readonly kept: number;
  /** `retry`: append to whatever is current. Otherwise the snapshot that the change was planned on, null for none. */
  readonly onto: 'retry' | { readonly snapshot: string | null };
}

export interface Commit {
  readonly status: 'committed' | 'already';
  readonly snapshot: string;
}

export const RUN_ID = 'headgate.run-id';
const MOST_ATTEMPTS = 20;
const METADATA_LOG = 100;
/** From this many manifests on an append writes them into one, so that readers open few. */
const MERGE_MANIFESTS_FROM = 40;

/**
 * One atomic change of a table: readers see the snapshot before it or after it.
 * @throws ConflictError when the table is not at `onto`, or other writers were faster too often; TerminalError for a file
 * that is added twice or removed without being live
 */
export async function commit(ports: TablePorts, name: TableName, change: Change): Promise<Commit> {
  for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
    const table = await loadTable(ports, name);
    if (table === undefined)
      throw new TerminalError(`no table ${name.database}.${name.name}`, { fault: 'headgate' });
    const done = snapshotBy(table, change.runId);
    if (done !== undefined) return { status: 'already', snapshot: done };
    requireBase(table, change);
    const snapshot = await attemptCommit(ports, table, change);
    if (snapshot !== undefined) return { status: 'committed', snapshot };
  }
  throw new ConflictError(`${name.database}.${name.name}: ${MOST_ATTEMPTS} commits lost to other writers`, {
    fault: 'headgate',
  });
}

/** The snapshot that a run has committed to a table, if any. */
export async function committedBy(
  ports: TablePorts,
  name: TableName,
  runId: string,
): Promise<string | undefined> {
  const table = await loadTable(ports, name);
  return table === undefined ? undefined : snapshotBy(table, runId);
}

function snapshotBy({ metadata }: Table, runId: string): string | undefined {
  const done = metadata.snapshots.find((snapshot) => snapshot.summary[RUN_ID] === runId);
  return done === undefined ? undefined : String(done['snapshot-id']);
}

function requireBase(table: Table, { onto }: Change): void {
  if (onto === 'retry' || snapshotText(table) === onto.snapshot) return;
  throw new ConflictError(
    `${table.name.database}.${table.name.name} is at snapshot ${snapshotText(table)}, the change was planned on ${onto.snapshot}; it has to be planned again`,
    { fault: 'headgate' },
  );
}

/** The new snapshot's id, or undefined where the swap was refused; then what was written for it is removed again. */
async function attemptCommit(ports: TablePorts, table: Table, change: Change): Promise<string | undefined> {
  const written: string[] = [];
  const put = async (location: string, bytes: Uint8Array) => {
    written.push(location);
    await ports.store.write(keyOf(ports.store, location), bytes, { kind: 'absent' });
  };
  const context = contextOf(ports, table, change, put);
  const kept = await keptManifests(context);
  const added = change.add.length === 0 ? [] : [await newManifest(context, addedEntries(context))];
  const list = `${table.metadata.location}/metadata/snap-${context.id}-${ports.newId()}.avro`;
  const parent = currentSnapshot(table)?.['snapshot-id'];
  const next = { id: context.id, parent, sequenceNumber: context.sequenceNumber };
  await put(list, encodeManifestList([...kept.manifests, ...added], next));
  const snapshot = snapshotOf(context, list, kept.removedRows, kept.removedFiles);
  const version = table.metadata['last-sequence-number'] + 1;
  const location = await writeMetadata(ports, withSnapshot(table, snapshot), version);
  written.push(location);
  if ((await ports.catalog.swap(table.name, table.pointer, location)) === 'swapped')
    return String(context.id);
  for (const leftover of written) await ports.store.remove(keyOf(ports.store, leftover));
  return undefined;
}

interface Context {
  readonly ports: TablePorts;
  readonly table: Table;
  readonly change: Change;
  readonly shape: TableShape;
  readonly id: SnapshotId;
  readonly sequenceNumber: number;
  readonly put: (location: string, bytes: Uint8Array) => Promise<void>;
}

const contextOf = (ports: TablePorts, table: Table, change: Change, put: Context['put']): Context => ({
  ports,
  table,
  change,
  put,
  shape: shapeOf(table.metadata),
  id: snapshotId(ports.newId()),
  sequenceNumber: table.metadata['last-sequence-number'] + 1,
});

/** 53 bits, so that it survives every JSON parser. */
const snapshotId = (text: string): number =>
  Number(createHash('sha256').update(text).digest().readBigUInt64BE() >> 11n);

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

/** Manifests of the snapshot before, rewritten where they hold removed files or have become too many. */
async function keptManifests(context: Context): Promise<Kept> {
  const { ports, table, change } = context;
  const listed = await manifestList(ports.store, table);
  const removed = new Set(change.remove);
  if (removed.size === 0 && listed.length < MERGE_MANIFESTS_FROM)
    return { manifests: listed, removedRows: 0, removedFiles: 0 };
  const manifests: ManifestListEntry[] = [];
  const merged: ManifestEntry[] = [];
  let removedRows = 0;
  for (const each of listed) {
    if (Number(each.content) !== 0) {
      manifests.push(each); // delete manifests of other writers are carried on as they are
      continue;
    }
    const entries = (await manifest(ports.store, each)).filter(({ status }) => status !== STATUS.deleted);
    const touched = entries.some(({ file }) => removed.has(String(file.file_path)));
    if (!touched && listed.length < MERGE_MANIFESTS_FROM) {
      manifests.push(each);
      continue;
    }
    for (const entry of entries) {
      const gone = removed.delete(String(entry.file.file_path));
      if (gone) removedRows += Number(entry.file.record_count);
      merged.push(
        gone
          ? { ...entry, status: STATUS.deleted, snapshotId: context.id }
          : { ...entry, status: STATUS.existing },
      );
    }
  }
  if (removed.size > 0) {
    throw new TerminalError(`run ${change.runId} removes ${removed.size} files that are not in the table`, {
      fault: 'headgate',
    });
  }
  if (merged.length > 0) manifests.push(await newManifest(context, merged));
  return { manifests, removedRows, removedFiles: change.remove.length };
}

async function newManifest(context: Context, entries: readonly ManifestEntry[]): Promise<ManifestListEntry> {
  const { ports, table, shape, id, sequenceNumber, put } = context;
  const path = `${table.metadata.location}/metadata/${ports.newId()}-m0.avro`;
  const bytes = encodeManifest(entries, shape);
  await put(path, bytes);
  return listEntry(entries, { path, bytes: bytes.length, snapshotId: id, sequenceNumber }, shape.specId);
}

function snapshotOf(context: Context, list: string, removedRows: number, removedFiles: number): Snapshot {
  const { ports, table, change, shape, id, sequenceNumber } = context;
  const before = currentSnapshot(table);
  const total = (name: string) => Number(before?.summary[name] ?? 0);
  const addedRows = change.add.reduce((sum, { rows }) => sum + rows, 0);
  const rows = total('total-records') + addedRows - removedRows;
  const files = total('total-data-files') + change.add.length - removedFiles;
  if (rows < 0 || files < 0 || change.kept > removedRows) {
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
    'timestamp-ms': Math.max(ports.clock.now().getTime(), table.metadata['last-updated-ms'] + 1),
    'manifest-list': list,
    'schema-id': shape.schemaId,
    summary: {
      operation: change.remove.length === 0 ? 'append' : change.add.length === 0 ? 'delete' : 'overwrite',
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

function withSnapshot({ metadata, pointer }: Table, snapshot: Snapshot): TableMetadata {
  const id = snapshot['snapshot-id'];
  const at = snapshot['timestamp-ms'];
  return {
    ...metadata,
    'last-sequence-number': snapshot['sequence-number'],
    'last-updated-ms': at,
    'current-snapshot-id': id,
    refs: { ...metadata.refs, main: { 'snapshot-id': id, type: 'branch' } },
    snapshots: [...metadata.snapshots, snapshot],
    'snapshot-log': [...metadata['snapshot-log'], { 'snapshot-id': id, 'timestamp-ms': at }],
    'metadata-log': [
      ...metadata['metadata-log'],
      { 'metadata-file': pointer.metadataLocation, 'timestamp-ms': metadata['last-updated-ms'] },
    ].slice(-METADATA_LOG),
  };
}
