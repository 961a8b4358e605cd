import { FIRST_PARTITION_ID, type PartitionField } from './partition-spec.ts';
import type { Field } from './schema.ts';

/** Snapshot ids of other writers have 63 bits: they are bigints above 2^53. */
export type SnapshotId = number | bigint;

export interface Snapshot {
  readonly 'snapshot-id': SnapshotId;
  readonly 'parent-snapshot-id'?: SnapshotId;
  readonly 'sequence-number': number;
  readonly 'timestamp-ms': number;
  readonly 'manifest-list': string;
  readonly 'schema-id'?: number;
  readonly summary: Readonly<Record<string, string>>;
}

/** Table metadata, Iceberg spec version 2; parts that Headgate does not know travel on untouched. */
export interface TableMetadata {
  readonly 'format-version': 2;
  readonly 'table-uuid': string;
  readonly location: string;
  readonly 'last-sequence-number': number;
  readonly 'last-updated-ms': number;
  readonly 'last-column-id': number;
  readonly 'current-schema-id': number;
  readonly schemas: readonly TableSchema[];
  readonly 'default-spec-id': number;
  readonly 'partition-specs': readonly {
    readonly 'spec-id': number;
    readonly fields: readonly PartitionField[];
  }[];
  readonly 'last-partition-id': number;
  readonly 'default-sort-order-id': number;
  readonly 'sort-orders': readonly unknown[];
  readonly properties: Readonly<Record<string, string>>;
  readonly 'current-snapshot-id': SnapshotId;
  readonly refs: Readonly<Record<string, { readonly 'snapshot-id': SnapshotId; readonly type: string }>>;
  readonly snapshots: readonly Snapshot[];
  readonly 'snapshot-log': readonly { readonly 'snapshot-id': SnapshotId; readonly 'timestamp-ms': number }[];
  readonly 'metadata-log': readonly { readonly 'metadata-file': string; readonly 'timestamp-ms': number }[];
}

export interface TableSchema {
  readonly type: 'struct';
  readonly 'schema-id': number;
  readonly fields: readonly Field[];
}

/** A table without snapshot carries this id: Trino 406 refuses it without. */
export const NO_SNAPSHOT = -1;

export interface NewTable {
  readonly uuid: string;
  readonly location: string;
  readonly schema: readonly Field[];
  readonly partitions: readonly PartitionField[];
  readonly properties: Readonly<Record<string, string>>;
  readonly now: number;
}

export const emptyMetadata = ({
  uuid,
  location,
  schema,
  partitions,
  properties,
  now,
}: NewTable): TableMetadata => ({
  'format-version': 2,
  'table-uuid': uuid,
  location,
  'last-sequence-number': 0,
  'last-updated-ms': now,
  'last-column-id': lastColumnId(schema),
  'current-schema-id': 0,
  schemas: [{ type: 'struct', 'schema-id': 0, fields: schema }],
  'default-spec-id': 0,
  'partition-specs': [{ 'spec-id': 0, fields: partitions }],
  'last-partition-id': FIRST_PARTITION_ID - 1 + partitions.length,
  'default-sort-order-id': 0,
  'sort-orders': [{ 'order-id': 0, fields: [] }],
  properties,
  'current-snapshot-id': NO_SNAPSHOT,
  refs: {},
  snapshots: [],
  'snapshot-log': [],
  'metadata-log': [],
});

function lastColumnId(fields: readonly Field[]): number {
  const nested = (type: Field['type']): number => {
    if (typeof type === 'string') return 0;
    if (type.type === 'struct') return lastColumnId(type.fields);
    return Math.max(type['element-id'], nested(type.element));
  };
  return Math.max(0, ...fields.map((field) => Math.max(field.id, nested(field.type))));
}

// ECMA-262 proposal-json-parse-with-source, in Node 24; TypeScript 5.9 has no types for it yet.
const json = JSON as unknown as {
  parse(
    text: string,
    reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown,
  ): unknown;
  rawJSON(text: string): unknown;
};

/** Integers above 2^53 become bigints instead of being rounded. */
export const parseMetadata = (text: string): TableMetadata =>
  json.parse(text, (_key, value, { source }) =>
    typeof value === 'number' &&
    !Number.isSafeInteger(value) &&
    source !== undefined &&
    /^-?\d+$/.test(source)
      ? BigInt(source)
      : value,
  ) as TableMetadata;

export const printMetadata = (metadata: TableMetadata): string =>
  JSON.stringify(metadata, (_key, value: unknown) =>
    typeof value === 'bigint' ? json.rawJSON(String(value)) : value,
  );
