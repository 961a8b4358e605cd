import { TerminalError } from '../errors.ts';
import type { AvroRecord, AvroSchema, AvroValue } from './avro.ts';
import { days, micros } from './bounds.ts';
import type { PartitionValue } from './data-file.ts';
import type { Field, PrimitiveType } from './schema.ts';

export type Transform = 'identity' | 'year' | 'month' | 'day';

/** As in the JSON of the Iceberg spec. */
export interface PartitionField {
  readonly 'source-id': number;
  readonly 'field-id': number;
  readonly name: string;
  readonly transform: Transform;
}

/** The spec numbers partition fields from 1000 on. */
export const FIRST_PARTITION_ID = 1000;

export function partitionFields(
  schema: readonly Field[],
  by: readonly { readonly name: string; readonly column: string; readonly transform: string }[],
): readonly PartitionField[] {
  return by.map(({ name, column, transform }, index) => {
    const source = schema.find((field) => field.name === column);
    if (source === undefined)
      throw new TerminalError(`no column ${column} to partition by`, { fault: 'contract' });
    return {
      'source-id': source.id,
      'field-id': FIRST_PARTITION_ID + index,
      name,
      transform: transform as Transform,
    };
  });
}

/** Type of a partition value: ordinals for year and month, a date for day, the column's own for identity. */
function resultType(field: PartitionField, schema: readonly Field[]): PrimitiveType {
  if (field.transform === 'year' || field.transform === 'month') return 'int';
  if (field.transform === 'day') return 'date';
  const type = schema.find(({ id }) => id === field['source-id'])?.type;
  if (typeof type === 'string' && AVRO_TYPES[type] !== undefined) return type;
  throw new TerminalError(
    `partition ${field.name}: its type can't be partitioned by; allowed: ${Object.keys(AVRO_TYPES).join(', ')}`,
    {
      fault: 'contract',
    },
  );
}

const AVRO_TYPES: Readonly<Record<string, AvroSchema>> = {
  boolean: 'boolean',
  int: 'int',
  long: 'long',
  string: 'string',
  date: { type: 'int', logicalType: 'date' },
  timestamp: { type: 'long', logicalType: 'timestamp-micros', 'adjust-to-utc': false },
};

/** Avro record of a partition tuple; every value may be null. */
export const partitionRecord = (spec: readonly PartitionField[], schema: readonly Field[]): AvroRecord => ({
  type: 'record',
  name: 'r102',
  fields: spec.map((field) => ({
    name: field.name,
    type: ['null', AVRO_TYPES[resultType(field, schema)] ?? 'string'],
    default: null,
    'field-id': field['field-id'],
  })),
});

/** Text of a partition value as an engine gives it, to what Avro stores. */
export function partitionTuple(
  values: readonly PartitionValue[],
  spec: readonly PartitionField[],
  schema: readonly Field[],
): Readonly<Record<string, AvroValue>> {
  return Object.fromEntries(
    spec.map((field, index) => {
      const text = values[index] ?? null;
      return [field.name, text === null ? null : stored(text, resultType(field, schema))];
    }),
  );
}

function stored(text: string, type: PrimitiveType): AvroValue {
  switch (type) {
    case 'boolean':
      return text === 'true';
    case 'int':
      return Number(text);
    case 'long':
      return BigInt(text);
    case 'date':
      return days(text) ?? null;
    case 'timestamp':
      return micros(text) ?? null;
    default:
      return text;
  }
}

/** Back to the text that engines use. */
export function partitionTexts(
  tuple: Readonly<Record<string, AvroValue>>,
  spec: readonly PartitionField[],
  schema: readonly Field[],
): readonly PartitionValue[] {
  return spec.map((field) => {
    const value = tuple[field.name] ?? null;
    if (value === null) return null;
    const type = resultType(field, schema);
    if (type === 'date') return new Date(Number(value) * 86_400_000).toISOString().slice(0, 10);
    if (type === 'timestamp') return timestampText(BigInt(value as number | bigint));
    return String(value);
  });
}

function timestampText(value: bigint): string {
  const fraction = ((value % 1_000_000n) + 1_000_000n) % 1_000_000n;
  const seconds = new Date(Number((value - fraction) / 1000n)).toISOString().slice(0, 19).replace('T', ' ');
  return fraction === 0n ? seconds : `${seconds}.${String(fraction).padStart(6, '0').replace(/0+$/, '')}`;
}
