import { createHash } from 'node:crypto';
import { TerminalError } from '../errors.ts';
import { NO_SNAPSHOT, type Snapshot, type SnapshotId, type TableMetadata } from './metadata.ts';
import { type Table, tableFolder } from './table.ts';

/** Stands in a snapshot's summary: committing a run twice finds it there and does nothing. */
export const RUN_ID = 'headgate.run-id';

export interface SnapshotInfo {
  readonly id: string;
  /** Null for the first one, and for one after a rollback to nothing. */
  readonly parent: string | null;
  readonly time: Date;
  /** Iceberg's word: append, overwrite, delete, replace. */
  readonly operation: string;
  /** Null for snapshots of other writers. */
  readonly runId: string | null;
  readonly rows: number;
  readonly files: number;
  readonly addedRows: number;
  readonly removedRows: number;
  /** `current`, `past` (led to the current one) or `withdrawn` (rolled back). */
  readonly state: 'current' | 'past' | 'withdrawn';
}

/** Every snapshot that has not expired, oldest first. */
export function snapshots(table: Table): readonly SnapshotInfo[] {
  const line = new Set(ancestors(table).map((snapshot) => snapshot['snapshot-id']));
  const current = table.metadata['current-snapshot-id'];
  return [...table.metadata.snapshots]
    .sort((a, b) => a['timestamp-ms'] - b['timestamp-ms'])
    .map((snapshot) => ({
      ...infoOf(snapshot),
      state:
        snapshot['snapshot-id'] === current
          ? 'current'
          : line.has(snapshot['snapshot-id'])
            ? 'past'
            : 'withdrawn',
    }));
}

function infoOf(snapshot: Snapshot): Omit<SnapshotInfo, 'state'> {
  const { summary } = snapshot;
  const count = (name: string) => Number(summary[name] ?? 0);
  const parent = snapshot['parent-snapshot-id'];
  return {
    id: String(snapshot['snapshot-id']),
    parent: parent === undefined || parent === null ? null : String(parent),
    time: new Date(snapshot['timestamp-ms']),
    operation: summary.operation ?? 'append',
    runId: summary[RUN_ID] ?? null,
    rows: count('total-records'),
    files: count('total-data-files'),
    addedRows: count('added-records'),
    removedRows: count('deleted-records'),
  };
}

/** Snapshots that led to this one, itself first, as far back as they have not expired. @default from the current one */
export function ancestors(
  { metadata }: Pick<Table, 'metadata'>,
  from: SnapshotId = metadata['current-snapshot-id'],
): readonly Snapshot[] {
  const byId = new Map(metadata.snapshots.map((snapshot) => [snapshot['snapshot-id'], snapshot]));
  const line: Snapshot[] = [];
  for (let next = byId.get(from); next !== undefined; ) {
    line.push(next);
    const parent = next['parent-snapshot-id'];
    next = parent === undefined ? undefined : byId.get(parent);
  }
  return line;
}

/** The snapshot of a run that has been committed and not been rolled back. */
export const snapshotOfRun = (table: Table, runId: string): Snapshot | undefined =>
  ancestors(table).find((snapshot) => snapshot.summary[RUN_ID] === runId);

/** @throws TerminalError that lists what there is */
export function snapshotById(table: Table, id: string): Snapshot {
  const found = table.metadata.snapshots.find((snapshot) => String(snapshot['snapshot-id']) === id);
  if (found !== undefined) return found;
  const allowed = snapshots(table).map((snapshot) => snapshot.id);
  throw new TerminalError(
    `table ${tableFolder(table.name)} has no snapshot ${id}; allowed: ${allowed.join(', ') || 'none, it is empty'}`,
    { fault: 'contract', facts: { table: tableFolder(table.name), snapshot: id } },
  );
}

/**
 * The table as it was: what reads a table (`liveFiles`, `shapeOf`) sees the snapshot with the columns that it then had. By time: what readers
 * saw at that moment, so a snapshot that was rolled back later counts while it was current.
 * Before the first snapshot it had no rows.
 * @throws TerminalError for a snapshot or a time that is not known, or no more
 */
export function asOf(table: Table, at: { readonly snapshot: string } | { readonly time: Date }): Table {
  const { metadata } = table;
  if ('time' in at && isBeforeFirst(metadata, at.time))
    return Object.freeze({ ...table, metadata: { ...metadata, 'current-snapshot-id': NO_SNAPSHOT } });
  const snapshot = 'snapshot' in at ? snapshotById(table, at.snapshot) : snapshotAt(table, at.time);
  return Object.freeze({
    ...table,
    metadata: {
      ...metadata,
      'current-snapshot-id': snapshot['snapshot-id'],
      'current-schema-id': snapshot['schema-id'] ?? metadata['current-schema-id'],
    },
  });
}

/** Nothing of the log has been forgotten, and it begins later. */
function isBeforeFirst(metadata: TableMetadata, time: Date): boolean {
  const [first] = metadata['snapshot-log'];
  if (first === undefined) return true;
  const snapshot = metadata.snapshots.find((each) => each['snapshot-id'] === first['snapshot-id']);
  return (
    snapshot !== undefined &&
    snapshot['parent-snapshot-id'] === undefined &&
    snapshot['sequence-number'] === 1 &&
    time.getTime() < first['timestamp-ms']
  );
}

function snapshotAt(table: Table, time: Date): Snapshot {
  const log = table.metadata['snapshot-log'];
  const entry = log.findLast((each) => each['timestamp-ms'] <= time.getTime());
  if (entry !== undefined) return snapshotById(table, String(entry['snapshot-id']));
  const first = log[0]?.['timestamp-ms'];
  const known = first === undefined ? 'it is empty' : `known since ${new Date(first).toISOString()}`;
  throw new TerminalError(
    `what table ${tableFolder(table.name)} held at ${time.toISOString()} is not known; ${known}`,
    { fault: 'contract', facts: { table: tableFolder(table.name) } },
  );
}

/** 53 bits, so that it survives every JSON parser. */
export const newSnapshotId = (text: string): number =>
  Number(createHash('sha256').update(text).digest().readBigUInt64BE() >> 11n);

export function withSnapshot(metadata: TableMetadata, snapshot: Snapshot): TableMetadata {
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
  };
}
