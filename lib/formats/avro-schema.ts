import avsc, { type Schema, type Type } from 'avsc';
import { FormatProblem } from './problem.ts';

// A CommonJS module whose names Node can't see.
const { types } = avsc;

/**
 * The writer's schema, of which `avsc` makes types.
 * @throws FormatProblem where the schema is none, or values of it could take no bytes (a few bytes would then hold billions)
 */
export function avroType(schema: string): Type {
  let type: Type;
  try {
    // Defaults matter to readers with another schema only; without them nothing in them can be wrong.
    const parsed = JSON.parse(schema, (key, value) => (key === 'default' ? undefined : value)) as Schema;
    type = avsc.Type.forSchema(parsed, {
      wrapUnions: 'always',
      logicalTypes: LOGICAL_TYPES,
      omitRecordMethods: true,
    } as never);
  } catch (error) {
    if (error instanceof FormatProblem) throw error;
    throw new FormatProblem('file.format', 'the schema of the Avro file is not valid', error);
  }
  if (!(type instanceof types.RecordType))
    throw new FormatProblem('file.format', 'the schema of the Avro file is no record, so it has no columns');
  refuseEmpty(type, new Set());
  return type;
}

/** How values of a logical type become text; the specification: what is no valid logical type is its underlying one. */
export class AvroLogicalType extends types.LogicalType {
  readonly toText: LogicalText;

  constructor(attributes: Schema, options: unknown) {
    super(attributes, options as never);
    const { logicalType = '' } = attributes as { readonly logicalType?: string };
    const toText = LOGICAL[logicalType]?.(attributes as Attributes);
    if (toText === undefined) throw new TypeError('no valid logical type');
    this.toText = toText;
  }

  override _fromValue(value: unknown): unknown {
    return value;
  }

  override _toValue(value: unknown): unknown {
    return value;
  }
}

type Attributes = Readonly<Record<string, unknown>>;

/** From a long, or from bytes: fixed ones, texts too. */
export type LogicalText =
  | { readonly kind: 'number'; readonly text: (value: number | bigint) => string }
  | { readonly kind: 'bytes'; readonly text: (value: Buffer) => string }
  | { readonly kind: 'decimal'; readonly scale: number };

const isBytes = (type: unknown): boolean => type === 'bytes' || type === 'fixed';

const of =
  (expected: string, text: (value: number | bigint) => string) =>
  ({ type }: Attributes): LogicalText | undefined =>
    type === expected ? { kind: 'number', text } : undefined;

const onLong = (digits: number, zone: string) => of('long', (value) => moment(value, digits, zone));

/** What no day and no clock holds stays a number and is refused by the column's type. */
const small = (text: (value: number) => string) => (value: number | bigint) =>
  typeof value === 'number' ? text(value) : String(value);

const LOGICAL: Readonly<Record<string, (attributes: Attributes) => LogicalText | undefined>> = {
  decimal: ({ type, precision, scale = 0 }) => {
    const isValid = Number.isInteger(precision) && Number.isInteger(scale) && Number(scale) >= 0;
    return isBytes(type) && isValid && Number(scale) <= Number(precision)
      ? { kind: 'decimal', scale: Number(scale) }
      : undefined;
  },
  uuid: ({ type, size }) => {
    if (type === 'string') return { kind: 'bytes', text: (value) => value.toString() };
    const text = (value: Buffer) =>
      value.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
    return type === 'fixed' && size === 16 ? { kind: 'bytes', text } : undefined;
  },
  date: of('int', small(dayText)),
  'time-millis': of(
    'int',
    small((value) => clock(value, 3)),
  ),
  'time-micros': of(
    'long',
    small((value) => clock(value, 6)),
  ),
  'timestamp-millis': onLong(3, 'Z'),
  'timestamp-micros': onLong(6, 'Z'),
  'timestamp-nanos': onLong(9, 'Z'),
  'local-timestamp-millis': onLong(3, ''),
  'local-timestamp-micros': onLong(6, ''),
  'local-timestamp-nanos': onLong(9, ''),
};

/** Without a prototype: a schema names what it wants. */
const LOGICAL_TYPES = Object.assign(
  Object.create(null) as object,
  Object.fromEntries(Object.keys(LOGICAL).map((name) => [name, AvroLogicalType])),
);

const DAYS = new Map<number, string>();
const MOST_DAYS = 50_000;

/** `2026-01-31`. The days of a file repeat, so they are kept. */
function dayText(day: number): string {
  const known = DAYS.get(day);
  if (known !== undefined) return known;
  const text =
    Math.abs(day) <= 100_000_000 ? new Date(day * 86_400_000).toISOString().slice(0, -14) : String(day);
  if (DAYS.size >= MOST_DAYS) DAYS.clear();
  DAYS.set(day, text);
  return text;
}

function moment(value: number | bigint, digits: number, zone: string): string {
  const unit = 86_400 * 10 ** digits;
  if (typeof value === 'number') {
    const day = Math.floor(value / unit);
    return `${dayText(day)}T${clock(value - day * unit, digits)}${zone}`;
  }
  const within = ((value % BigInt(unit)) + BigInt(unit)) % BigInt(unit);
  return `${dayText(Number((value - within) / BigInt(unit)))}T${clock(Number(within), digits)}${zone}`;
}

function clock(value: number, digits: number): string {
  const unit = 10 ** digits;
  const seconds = Math.floor(value / unit);
  const part = (each: number) => (each < 10 ? `0${each}` : String(each));
  return `${part(Math.floor(seconds / 3600))}:${part(Math.floor(seconds / 60) % 60)}:${part(seconds % 60)}.${String(value - seconds * unit).padStart(digits, '0')}`;
}

/** Whether a value of the type may take no byte at all. */
const takesNothing = (type: Type, above: ReadonlySet<Type>): boolean => {
  if (type.typeName === 'null') return true;
  if (type instanceof types.LogicalType) return takesNothing(type.underlyingType, above);
  if (type instanceof types.FixedType) return type.size === 0;
  if (!(type instanceof types.RecordType) || above.has(type)) return false;
  return type.fields.every((field) => takesNothing(field.type, new Set([...above, type])));
};

function refuseEmpty(type: Type, seen: Set<Type>): void {
  if (seen.has(type)) return;
  seen.add(type);
  if (type instanceof types.RecordType) {
    if (seen.size === 1 && takesNothing(type, new Set())) throw empty();
    for (const field of type.fields) {
      if (field.name === '__proto__')
        throw new FormatProblem('file.format', 'a field of the Avro schema is named __proto__');
      refuseEmpty(field.type, seen);
    }
  } else if (type instanceof types.ArrayType) {
    if (takesNothing(type.itemsType, new Set())) throw empty();
    refuseEmpty(type.itemsType, seen);
  } else if (type instanceof types.MapType) refuseEmpty(type.valuesType, seen);
  else if (type instanceof types.WrappedUnionType) for (const branch of type.types) refuseEmpty(branch, seen);
}

const empty = (): FormatProblem =>
  new FormatProblem(
    'file.format',
    'the Avro schema has an array of, or is, a type whose values take no bytes; any number of them would fit into a few bytes',
  );
