import { buffer } from 'node:stream/consumers';
import { ConflictError, TerminalError } from '../errors.ts';
import type { Catalog, TableName, TablePointer } from '../ports/catalog.ts';
import type { Clock } from '../ports/clock.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import {
  decodeManifest,
  decodeManifestList,
  type LiveFile,
  liveFile,
  type ManifestEntry,
  type ManifestListEntry,
  STATUS,
  type TableShape,
} from './manifests.ts';
import { NO_SNAPSHOT, parseMetadata, type Snapshot, type TableMetadata } from './metadata.ts';
import type { Field } from './schema.ts';

/** What tables are read and written through. `newId` gives texts that were never given before. */
export interface TablePorts {
  readonly store: ObjectStore;
  readonly catalog: Catalog;
  readonly clock: Clock;
  readonly newId: () => string;
}

export interface Table {
  readonly name: TableName;
  readonly pointer: TablePointer;
  readonly metadata: TableMetadata;
}

export interface TableDefinition {
  /** The ids count when the table is made; afterwards the table's own do. */
  readonly schema: readonly Field[];
  /** Names that a column had before, by its name now. @default none */
  readonly formerNames?: Readonly<Record<string, readonly string[]>>;
  readonly partitionBy: readonly {
    readonly name: string;
    readonly column: string;
    readonly transform: string;
  }[];
}

/** `<database>/<table>`: the table's folder in its store, and its name in messages. */
export const tableFolder = (name: TableName): string => `${name.database}/${name.name}`;

export async function loadTable(
  { catalog, store }: Pick<TablePorts, 'catalog' | 'store'>,
  name: TableName,
): Promise<Table | undefined> {
  const pointer = await catalog.load(name);
  if (pointer === undefined) return undefined;
  const metadata = parseMetadata((await readObject(store, pointer.metadataLocation)).toString());
  return Object.freeze({ name, pointer, metadata });
}

export const currentSnapshot = (table: Table): Snapshot | undefined => {
  const id = table.metadata['current-snapshot-id'];
  return id === NO_SNAPSHOT
    ? undefined
    : table.metadata.snapshots.find((snapshot) => snapshot['snapshot-id'] === id);
};

export const snapshotText = (table: Table): string | null => {
  const snapshot = currentSnapshot(table);
  return snapshot === undefined ? null : String(snapshot['snapshot-id']);
};

/** @throws ConflictError where the table is at another snapshot than what was planned on: then plan again */
export function requireSnapshot(table: Table, planned: string | null): void {
  if (snapshotText(table) === planned) return;
  throw new ConflictError(
    `${tableFolder(table.name)} is at snapshot ${snapshotText(table)}, the change was planned on ${planned}; it has to be planned again`,
    { fault: 'headgate' },
  );
}

/** Columns, and the partition spec of that id: other writers may have changed a table's spec, its old manifests keep theirs. */
export function shapeOf(metadata: TableMetadata, specId = metadata['default-spec-id']): TableShape {
  const schema = metadata.schemas.find((each) => each['schema-id'] === metadata['current-schema-id']);
  const spec = metadata['partition-specs'].find((each) => each['spec-id'] === specId);
  if (schema === undefined || spec === undefined) {
    throw new TerminalError(`table metadata of ${metadata.location} names no schema or no partition spec`, {
      fault: 'headgate',
    });
  }
  return { schema: schema.fields, schemaId: schema['schema-id'], spec: spec.fields, specId: spec['spec-id'] };
}

/**
 * Files that readers of the current snapshot see. Requests: the manifest list and each manifest.
 * @throws TerminalError where another writer has left delete files: the rows of the data files alone are not the table's
 */
export async function liveFiles(store: ObjectStore, table: Table): Promise<readonly LiveFile[]> {
  const files: LiveFile[] = [];
  for (const listed of await manifestList(store, table)) {
    if (Number(listed.content) !== 0) {
      throw new TerminalError(
        `table ${tableFolder(table.name)} holds delete files of another writer, which Headgate does not read; have that writer rewrite the data files (rewrite_data_files)`,
        { fault: 'headgate', facts: { table: tableFolder(table.name) } },
      );
    }
    const shape = shapeOf(table.metadata, Number(listed.partition_spec_id));
    for (const entry of await manifest(store, listed)) {
      if (entry.status !== STATUS.deleted) files.push(liveFile(entry, shape));
    }
  }
  return files;
}

export async function manifestList(store: ObjectStore, table: Table): Promise<readonly ManifestListEntry[]> {
  const snapshot = currentSnapshot(table);
  return snapshot === undefined ? [] : manifestsOf(store, snapshot);
}

export const manifestsOf = async (
  store: ObjectStore,
  snapshot: Snapshot,
): Promise<readonly ManifestListEntry[]> =>
  decodeManifestList(await readObject(store, snapshot['manifest-list']));

export const manifest = async (
  store: ObjectStore,
  listed: ManifestListEntry,
): Promise<readonly ManifestEntry[]> =>
  decodeManifest(await readObject(store, String(listed.manifest_path)), listed);

/** Key of an address in the store. @throws TerminalError for an address elsewhere */
export function keyOf(store: ObjectStore, location: string): string {
  if (location.startsWith(`${store.root}/`)) return location.slice(store.root.length + 1);
  throw new TerminalError(
    `${location} does not lie in ${store.root}; where the lake was moved or copied: headgate doctor --mend`,
    { fault: 'headgate' },
  );
}

const readObject = (store: ObjectStore, location: string): Promise<Buffer> =>
  buffer(store.read(keyOf(store, location)));
