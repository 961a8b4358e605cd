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
import {
  emptyMetadata,
  NO_SNAPSHOT,
  parseMetadata,
  printMetadata,
  type Snapshot,
  type TableMetadata,
} from './metadata.ts';
import { partitionFields } from './partition-spec.ts';
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
  readonly schema: readonly Field[];
  readonly partitionBy: readonly {
    readonly name: string;
    readonly column: string;
    readonly transform: string;
  }[];
}

const tableFolder = (name: TableName): string => `${name.database}/${name.name}`;

/** The table, made where it does not exist. @throws TerminalError where it exists with other columns or partitions */
export async function ensureTable(
  ports: TablePorts,
  name: TableName,
  definition: TableDefinition,
): Promise<Table> {
  const existing = await loadTable(ports, name);
  if (existing !== undefined) return sameShape(existing, definition);
  const metadata = emptyMetadata({
    uuid: ports.newId(),
    location: `${ports.store.root}/${tableFolder(name)}`,
    schema: definition.schema,
    partitions: partitionFields(definition.schema, definition.partitionBy),
    properties: { 'write.format.default': 'parquet', 'write.parquet.compression-codec': 'zstd' },
    now: ports.clock.now().getTime(),
  });
  const location = await writeMetadata(ports, metadata, 0);
  if ((await ports.catalog.create(name, location)) === 'exists')
    await ports.store.remove(keyOf(ports.store, location));
  const made = await loadTable(ports, name);
  if (made === undefined)
    throw new ConflictError(`table ${tableFolder(name)} vanished while it was made`, { fault: 'headgate' });
  return sameShape(made, definition);
}

function sameShape(table: Table, definition: TableDefinition): Table {
  const { schema, spec } = shapeOf(table.metadata);
  const describe = (fields: readonly Field[]) =>
    fields.map(({ id, name, type }) => JSON.stringify([id, name, type])).join();
  const sameColumns = describe(schema) === describe(definition.schema);
  const sameSpec =
    JSON.stringify(spec) === JSON.stringify(partitionFields(definition.schema, definition.partitionBy));
  if (sameColumns && sameSpec) return table;
  throw new TerminalError(
    `table ${tableFolder(table.name)} has other ${sameColumns ? 'partitions' : 'columns'} than its contract; changing a table in place is not possible yet: give the schema object a new name`,
    { fault: 'contract', facts: { table: tableFolder(table.name) } },
  );
}

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

export function shapeOf(metadata: TableMetadata): TableShape {
  const schema = metadata.schemas.find((each) => each['schema-id'] === metadata['current-schema-id']);
  const spec = metadata['partition-specs'].find((each) => each['spec-id'] === metadata['default-spec-id']);
  if (schema === undefined || spec === undefined) {
    throw new TerminalError(`table metadata of ${metadata.location} names no schema or no partition spec`, {
      fault: 'headgate',
    });
  }
  return { schema: schema.fields, schemaId: schema['schema-id'], spec: spec.fields, specId: spec['spec-id'] };
}

/** Files that readers of the current snapshot see. Requests: the manifest list and each manifest. */
export async function liveFiles(store: ObjectStore, table: Table): Promise<readonly LiveFile[]> {
  const shape = shapeOf(table.metadata);
  const files: LiveFile[] = [];
  for (const listed of await manifestList(store, table)) {
    for (const entry of await manifest(store, listed)) {
      if (entry.status !== STATUS.deleted) files.push(liveFile(entry, shape));
    }
  }
  return files;
}

export async function manifestList(store: ObjectStore, table: Table): Promise<readonly ManifestListEntry[]> {
  const snapshot = currentSnapshot(table);
  return snapshot === undefined ? [] : decodeManifestList(await readObject(store, snapshot['manifest-list']));
}

export const manifest = async (
  store: ObjectStore,
  listed: ManifestListEntry,
): Promise<readonly ManifestEntry[]> =>
  decodeManifest(await readObject(store, String(listed.manifest_path)), listed);

/** New metadata file, named as other writers do: number of the version, then a unique text. */
export async function writeMetadata(
  ports: TablePorts,
  metadata: TableMetadata,
  version: number,
): Promise<string> {
  const name = `${String(version).padStart(5, '0')}-${ports.newId()}.metadata.json`;
  const location = `${metadata.location}/metadata/${name}`;
  await ports.store.write(keyOf(ports.store, location), Buffer.from(printMetadata(metadata)), {
    kind: 'absent',
  });
  return location;
}

/** Key of an address in the store. @throws TerminalError for an address elsewhere */
export function keyOf(store: ObjectStore, location: string): string {
  if (location.startsWith(`${store.root}/`)) return location.slice(store.root.length + 1);
  throw new TerminalError(`${location} does not lie in ${store.root}`, { fault: 'headgate' });
}

async function readObject(store: ObjectStore, location: string): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of store.read(keyOf(store, location))) parts.push(part);
  return Buffer.concat(parts);
}
