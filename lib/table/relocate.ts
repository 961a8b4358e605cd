import { buffer } from 'node:stream/consumers';
import { ConflictError } from '../errors.ts';
import type { Catalog, TableName } from '../ports/catalog.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import { type AvroRecord, type AvroValue, decodeAvro, encodeAvro } from './avro.ts';
import { parseMetadata, printMetadata } from './metadata.ts';
import { tableFolder } from './table.ts';

/** A table whose files lie in our store and name another place, from where the store was moved or copied. */
export interface MovedTable {
  readonly name: TableName;
  readonly store: ObjectStore;
  /** Root of the store that its files name. */
  readonly from: string;
}

export interface PlacePorts {
  readonly catalog: Catalog;
  /** The store that a table lies in. */
  readonly storeOf: (name: TableName) => ObjectStore;
}

/** Iceberg names every file by its whole address, so a store that was moved takes no table with it. One request a table. */
export async function movedTables({ catalog, storeOf }: PlacePorts): Promise<readonly MovedTable[]> {
  const moved: MovedTable[] = [];
  for (const name of await catalog.list()) {
    const store = storeOf(name);
    const location = (await catalog.load(name))?.metadataLocation ?? '';
    const at = location.lastIndexOf(`/${tableFolder(name)}/metadata/`);
    if (at < 0 || location.startsWith(`${store.root}/`)) continue;
    // Not here: then it is another one's table.
    if ((await store.stat(location.slice(at + 1))) !== undefined)
      moved.push({ name, store, from: location.slice(0, at) });
  }
  return moved;
}

/**
 * Writes the new address into every file of a table that names others: manifests, their lists, then the metadata, and swaps the pointer last. Data files
 * stay as they are. It may die anywhere and be done again, and what it was copied from is not touched.
 * @throws ConflictError where the table has changed meanwhile
 */
export async function relocate(catalog: Catalog, { name, store, from }: MovedTable): Promise<void> {
  const pointer = await catalog.load(name);
  if (pointer === undefined || !pointer.metadataLocation.startsWith(`${from}/`)) return;
  const here = (address: string) =>
    address.startsWith(`${from}/`) ? `${store.root}${address.slice(from.length)}` : address;
  const rewritten = new Map<string, number>();
  /** Once each: snapshots share manifests. Answers its bytes. */
  const rewrite = async (
    address: string,
    change: (bytes: Buffer) => Promise<Uint8Array>,
  ): Promise<number> => {
    const key = here(address).slice(store.root.length + 1);
    const known = rewritten.get(key);
    if (known !== undefined) return known;
    const bytes = await change(await buffer(store.read(key)));
    await store.write(key, bytes);
    rewritten.set(key, bytes.length);
    return bytes.length;
  };
  const manifest = async (bytes: Buffer) =>
    withRecords(bytes, async (record) => {
      const file = record.data_file as Row;
      return { ...record, data_file: { ...file, file_path: here(String(file.file_path)) } };
    });
  const list = async (bytes: Buffer) =>
    withRecords(bytes, async (record) => ({
      ...record,
      manifest_path: here(String(record.manifest_path)),
      manifest_length: await rewrite(String(record.manifest_path), manifest),
    }));
  await rewrite(pointer.metadataLocation, async (bytes) => {
    const metadata = parseMetadata(bytes.toString());
    for (const snapshot of metadata.snapshots) await rewrite(snapshot['manifest-list'], list);
    return Buffer.from(
      printMetadata({
        ...metadata,
        location: here(metadata.location),
        snapshots: metadata.snapshots.map((each) => ({
          ...each,
          'manifest-list': here(each['manifest-list']),
        })),
        'metadata-log': metadata['metadata-log'].map((each) => ({
          ...each,
          'metadata-file': here(each['metadata-file']),
        })),
      }),
    );
  });
  if ((await catalog.swap(name, pointer, here(pointer.metadataLocation))) === 'conflict')
    throw new ConflictError(`${tableFolder(name)} has changed while it was brought along; do it again`, {
      fault: 'headgate',
    });
}

type Row = Readonly<Record<string, AvroValue>>;

/** The same Avro file with other records; schema and header are those of its writer. */
async function withRecords(bytes: Buffer, change: (record: Row) => Promise<Row>): Promise<Uint8Array> {
  const { metadata, records } = decodeAvro(bytes);
  const { 'avro.schema': schema = '', 'avro.codec': _codec, ...header } = metadata;
  const changed: Row[] = [];
  for (const record of records) changed.push(await change(record));
  return encodeAvro(JSON.parse(schema) as AvroRecord, header, changed);
}
