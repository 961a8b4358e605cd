import { type AvroValue, decodeAvro, encodeAvro } from './avro.ts';
import { encodeStats } from './bounds.ts';
import type { DataFile, PartitionValue } from './data-file.ts';
import { manifestEntry, manifestFile } from './manifest-schemas.ts';
import type { SnapshotId } from './metadata.ts';
import { type PartitionField, partitionRecord, partitionTexts, partitionTuple } from './partition-spec.ts';
import type { Field } from './schema.ts';

export type AvroObject = Readonly<Record<string, AvroValue>>;

/** An entry of a manifest list, fields named as in the spec. */
export type ManifestListEntry = AvroObject;

export const STATUS = { existing: 0, added: 1, deleted: 2 } as const;

export interface TableShape {
  readonly schema: readonly Field[];
  readonly schemaId: number;
  readonly spec: readonly PartitionField[];
  readonly specId: number;
}

/** A file in a manifest with all that must be carried on when the manifest is written again. */
export interface ManifestEntry {
  readonly status: number;
  readonly snapshotId: SnapshotId;
  readonly sequenceNumber: number | bigint | null;
  readonly fileSequenceNumber: number | bigint | null;
  readonly file: AvroObject;
}

export const addedEntry = (file: DataFile, snapshotId: SnapshotId, shape: TableShape): ManifestEntry => ({
  status: STATUS.added,
  snapshotId,
  sequenceNumber: null,
  fileSequenceNumber: null,
  file: dataFileRecord(file, shape),
});

function dataFileRecord(file: DataFile, { schema, spec }: TableShape): AvroObject {
  const stats = encodeStats(schema, file.columns);
  return {
    content: 0,
    file_path: file.path,
    file_format: 'PARQUET',
    partition: partitionTuple(file.partition, spec, schema),
    record_count: file.rows,
    file_size_in_bytes: file.bytes,
    column_sizes: asMap(stats.sizes),
    value_counts: asMap(stats.values),
    null_value_counts: asMap(stats.nulls),
    lower_bounds: asMap(stats.lower),
    upper_bounds: asMap(stats.upper),
    sort_order_id: 0,
  };
}

const asMap = (items: readonly { readonly key: number; readonly value: AvroValue }[]): AvroValue =>
  items.map(({ key, value }) => ({ key, value }));

export function encodeManifest(entries: readonly ManifestEntry[], shape: TableShape): Uint8Array {
  const metadata = {
    schema: JSON.stringify({ type: 'struct', 'schema-id': shape.schemaId, fields: shape.schema }),
    'schema-id': String(shape.schemaId),
    'partition-spec': JSON.stringify(shape.spec),
    'partition-spec-id': String(shape.specId),
    'format-version': '2',
    content: 'data',
  };
  const records = entries.map(({ status, snapshotId, sequenceNumber, fileSequenceNumber, file }) => ({
    status,
    snapshot_id: snapshotId,
    sequence_number: sequenceNumber,
    file_sequence_number: fileSequenceNumber,
    data_file: file,
  }));
  return encodeAvro(manifestEntry(partitionRecord(shape.spec, shape.schema)), metadata, records);
}

/** Entries with inherited snapshot id and sequence numbers filled in from the manifest list (spec, "Sequence Number Inheritance"). */
export function decodeManifest(bytes: Uint8Array, listed: ManifestListEntry): readonly ManifestEntry[] {
  return decodeAvro(bytes).records.map((record) => ({
    status: Number(record.status),
    snapshotId: (record.snapshot_id ?? listed.added_snapshot_id) as SnapshotId,
    sequenceNumber: (record.sequence_number ?? listed.sequence_number ?? null) as number | bigint | null,
    fileSequenceNumber: (record.file_sequence_number ?? listed.sequence_number ?? null) as
      | number
      | bigint
      | null,
    file: record.data_file as AvroObject,
  }));
}

/** Files that readers of the manifest open. */
export const manifestPaths = (entries: readonly ManifestEntry[]): readonly string[] =>
  entries.filter(({ status }) => status !== STATUS.deleted).map(({ file }) => String(file.file_path));

export interface WrittenManifest {
  readonly path: string;
  readonly bytes: number;
  readonly snapshotId: SnapshotId;
  readonly sequenceNumber: number;
}

/** Its line in the manifest list. Partition summaries are left out: they are optional and only prune. */
export function listEntry(
  entries: readonly ManifestEntry[],
  written: WrittenManifest,
  specId: number,
): ManifestListEntry {
  const count = (status: number) => entries.filter((entry) => entry.status === status).length;
  const rows = (status: number) =>
    entries.reduce((sum, entry) => sum + (entry.status === status ? Number(entry.file.record_count) : 0), 0);
  const oldest = entries.reduce(
    (least, { sequenceNumber }) => Math.min(least, Number(sequenceNumber ?? written.sequenceNumber)),
    written.sequenceNumber,
  );
  return {
    manifest_path: written.path,
    manifest_length: written.bytes,
    partition_spec_id: specId,
    content: 0,
    sequence_number: written.sequenceNumber,
    min_sequence_number: oldest,
    added_snapshot_id: written.snapshotId,
    added_files_count: count(STATUS.added),
    existing_files_count: count(STATUS.existing),
    deleted_files_count: count(STATUS.deleted),
    added_rows_count: rows(STATUS.added),
    existing_rows_count: rows(STATUS.existing),
    deleted_rows_count: rows(STATUS.deleted),
    partitions: null,
    key_metadata: null,
  };
}

export const encodeManifestList = (
  entries: readonly ManifestListEntry[],
  snapshot: {
    readonly id: SnapshotId;
    readonly parent: SnapshotId | undefined;
    readonly sequenceNumber: number;
  },
): Uint8Array =>
  encodeAvro(
    manifestFile,
    {
      'snapshot-id': String(snapshot.id),
      'parent-snapshot-id': snapshot.parent === undefined ? 'null' : String(snapshot.parent),
      'sequence-number': String(snapshot.sequenceNumber),
      'format-version': '2',
    },
    entries,
  );

export const decodeManifestList = (bytes: Uint8Array): readonly ManifestListEntry[] =>
  decodeAvro(bytes).records;

/** A file that readers of a snapshot see. */
export interface LiveFile {
  readonly path: string;
  readonly rows: number;
  readonly bytes: number;
  readonly partition: readonly PartitionValue[];
  /** Bounds of a text column by field id, undefined where none was written. */
  readonly lowerText: (fieldId: number) => string | undefined;
  readonly upperText: (fieldId: number) => string | undefined;
  /** Bytes of a column by field id, undefined where they are not known. */
  readonly columnBytes: (fieldId: number) => number | undefined;
}

export const liveFile = ({ file }: ManifestEntry, { spec, schema }: TableShape): LiveFile => ({
  path: String(file.file_path),
  rows: Number(file.record_count),
  bytes: Number(file.file_size_in_bytes),
  partition: partitionTexts(file.partition as AvroObject, spec, schema),
  lowerText: (fieldId) => textBound(file.lower_bounds, fieldId),
  upperText: (fieldId) => textBound(file.upper_bounds, fieldId),
  columnBytes: (fieldId) => {
    const sizes = (file.column_sizes ?? []) as readonly { readonly key: number; readonly value: unknown }[];
    const size = sizes.find(({ key }) => key === fieldId)?.value;
    return size === undefined ? undefined : Number(size);
  },
});

function textBound(bounds: unknown, fieldId: number): string | undefined {
  const list = (bounds ?? []) as readonly { readonly key: number; readonly value: Uint8Array }[];
  const bound = list.find(({ key }) => key === fieldId);
  return bound === undefined ? undefined : Buffer.from(bound.value).toString();
}
