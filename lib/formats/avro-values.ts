import avsc, { type Schema, type Type } from 'avsc';
import { FormatProblem } from './problem.ts';

// A CommonJS module whose names Node can't see.
const { types } = avsc;

/** Text of a decoded value as a field, null for null, and as a part of JSON text. */
export interface AvroWriter {
  readonly text: (value: unknown) => string | null;
  readonly json: (value: unknown) => string;
}

/**
 * The writer's schema as a type whose decoded values lose nothing: longs beyond 2^53 are bigints, decimals, dates and times are texts.
 * @throws FormatProblem where the schema is none, or values of it could take no bytes (a few bytes would then hold billions)
 */
export function avroType(schema: string): Type {
  let type: Type;
  try {
    // Defaults matter to readers with another schema only; without them nothing in them can be wrong.
    const parsed = JSON.parse(schema, (key, value) => (key === 'default' ? undefined : value)) as Schema;
    type = avsc.Type.forSchema(parsed, { typeHook, logicalTypes: LOGICAL, omitRecordMethods: true });
  } catch (error) {
    if (error instanceof FormatProblem) throw error;
    throw new FormatProblem('file.format', 'the schema of the Avro file is not valid', error);
  }
  if (!(type instanceof types.RecordType))
    throw new FormatProblem('file.format', 'the schema of the Avro file is no record, so it has no columns');
  refuseEmpty(type, new Set());
  return type;
}

const isNullable = (schema: readonly unknown[]): boolean => schema.length === 2 && schema.includes('null');

/** A union of null and one type gives the bare value; any other names its branch, so that its writer is known. */
function typeHook(schema: Schema, options: unknown): Type | undefined {
  if (schema === 'long' || (schema as { type?: unknown }).type === 'long') {
    if ((schema as { logicalType?: unknown }).logicalType === undefined) return LONG;
  }
  if (!Array.isArray(schema)) return undefined;
  const Union = isNullable(schema) ? types.UnwrappedUnionType : types.WrappedUnionType;
  return new (Union as unknown as new (schema: Schema, options: unknown) => Type)(schema, options);
}

/** `avsc` rounds or refuses longs beyond 2^53 unless it is told how to read them. */
const LONG: Type = types.LongType.__with(
  {
    fromBuffer: (bytes: Buffer) => {
      let value = 0;
      let factor = 1;
      for (const byte of bytes.subarray(0, 6)) {
        value += (byte & 0x7f) * factor;
        factor *= 128;
      }
      if (bytes.length <= 6) return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
      let big = 0n;
      for (let at = bytes.length - 1; at >= 0; at--) big = (big << 7n) | BigInt((bytes[at] ?? 0) & 0x7f);
      return (big >> 1n) ^ -(big & 1n);
    },
    toBuffer: () => Buffer.alloc(8),
    fromJSON: Number,
    toJSON: String,
    isValid: (value: unknown) => typeof value === 'number' || typeof value === 'bigint',
    compare: () => 0 as const,
  } as never,
  true,
);

type Attributes = Readonly<Record<string, unknown>>;

/** A logical type whose decoded value is its text. */
function asText(textOf: (attributes: Attributes) => ((value: never) => string) | undefined) {
  return class extends types.LogicalType {
    readonly toText: (value: never) => string;

    constructor(attributes: Schema, options: unknown) {
      super(attributes, options as never);
      const toText = textOf(attributes as Attributes);
      // The specification: what is no valid logical type is its underlying one.
      if (toText === undefined) throw new TypeError('no valid logical type');
      this.toText = toText;
    }

    override _fromValue(value: unknown): string {
      return this.toText(value as never);
    }

    override _toValue(): undefined {
      return undefined;
    }
  };
}

const isBytes = (type: unknown): boolean => type === 'bytes' || type === 'fixed';

const LOGICAL = {
  decimal: asText(({ type, precision, scale = 0 }) => {
    const isValid = Number.isInteger(precision) && Number.isInteger(scale) && Number(scale) >= 0;
    return isBytes(type) && isValid && Number(scale) <= Number(precision)
      ? (value: Buffer) => decimalText(value, Number(scale))
      : undefined;
  }),
  uuid: asText(({ type, size }) => {
    if (type === 'string') return (value: string) => value;
    return type === 'fixed' && size === 16
      ? (value: Buffer) =>
          value.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
      : undefined;
  }),
  date: asText(({ type }) => (type === 'int' ? dayText : undefined)),
  'time-millis': asText(({ type }) => (type === 'int' ? (value: number) => clock(value, 3) : undefined)),
  'time-micros': asText(({ type }) => (type === 'long' ? (value: number) => clock(value, 6) : undefined)),
  'timestamp-millis': asText(onLong(3, 'Z')),
  'timestamp-micros': asText(onLong(6, 'Z')),
  'timestamp-nanos': asText(onLong(9, 'Z')),
  'local-timestamp-millis': asText(onLong(3, '')),
  'local-timestamp-micros': asText(onLong(6, '')),
  'local-timestamp-nanos': asText(onLong(9, '')),
};

function onLong(digits: number, zone: string) {
  return ({ type }: Attributes) =>
    type === 'long' ? (value: number | bigint) => moment(value, digits, zone) : undefined;
}

/** Two's complement, big-endian, with the point `scale` digits from the right. */
function decimalText(bytes: Buffer, scale: number): string {
  if (bytes.length > 0 && bytes.length <= 6) return pointed(bytes.readIntBE(0, bytes.length), scale);
  const unscaled =
    bytes.length === 0 ? 0n : BigInt.asIntN(bytes.length * 8, BigInt(`0x${bytes.toString('hex')}`));
  return pointed(unscaled, scale);
}

function pointed(unscaled: number | bigint, scale: number): string {
  const digits = (unscaled < 0 ? -unscaled : unscaled).toString().padStart(scale + 1, '0');
  const whole = digits.slice(0, digits.length - scale);
  return `${unscaled < 0 ? '-' : ''}${whole}${scale === 0 ? '' : `.${digits.slice(-scale)}`}`;
}

const DAYS = new Map<number, string>();
const MOST_DAYS = 50_000;

/** `2026-01-31`; a day that no calendar holds stays a number and is refused by the column's type. The days of a file repeat, so they are kept. */
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

const nullable = (write: (value: unknown) => string) => (value: unknown) =>
  value === null ? null : write(value);

const plain = (write: (value: unknown) => string): AvroWriter => ({ text: nullable(write), json: write });

const quoted = (write: (value: unknown) => string): AvroWriter => ({
  text: nullable(write),
  json: (value) => JSON.stringify(write(value)),
});

const nested = (json: (value: unknown) => string): AvroWriter => ({ text: nullable(json), json });

/** Digits of a float as short as they can be without naming another float. */
function floatText(value: unknown): string {
  const number = value as number;
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(number.toPrecision(digits));
    if (Math.fround(short) === number) return String(short);
  }
  return String(number);
}

const number = (write: (value: unknown) => string): AvroWriter => ({
  text: nullable(write),
  json: (value) => (Number.isFinite(Number(value)) ? write(value) : 'null'),
});

/** Writers of a type and of all in it, made once for each type, recursive ones too. */
export function writerOf(type: Type, made: Map<Type, AvroWriter> = new Map()): AvroWriter {
  const known = made.get(type);
  if (known !== undefined) return known;
  let own: AvroWriter | undefined;
  made.set(type, {
    text: (value) => own?.text(value) ?? null,
    json: (value) => own?.json(value) ?? 'null',
  });
  own = newWriter(type, (inner) => writerOf(inner, made));
  made.set(type, own);
  return own;
}

function newWriter(type: Type, of: (inner: Type) => AvroWriter): AvroWriter {
  if (type instanceof types.LogicalType)
    return type.typeName === 'logical:decimal' ? plain(String) : quoted(String);
  if (type instanceof types.UnwrappedUnionType) {
    const value = of(type.types.find(({ typeName }) => typeName !== 'null') ?? type);
    return { text: value.text, json: (each) => (each === null ? 'null' : value.json(each)) };
  }
  if (type instanceof types.WrappedUnionType) return unionWriter(type, of);
  if (type instanceof types.RecordType) {
    const fields = type.fields.map((field) => ({ name: field.name, write: of(field.type) }));
    return nested((value) => {
      const record = value as Readonly<Record<string, unknown>>;
      return `{${fields.map(({ name, write }) => `${JSON.stringify(name)}:${write.json(record[name])}`).join(',')}}`;
    });
  }
  if (type instanceof types.MapType) {
    const values = of(type.valuesType);
    return nested((value) => {
      const entries = Object.entries(value as Readonly<Record<string, unknown>>);
      return `{${entries.map(([key, each]) => `${JSON.stringify(key)}:${values.json(each)}`).join(',')}}`;
    });
  }
  if (type instanceof types.ArrayType) {
    const items = of(type.itemsType);
    return nested((value) => `[${(value as readonly unknown[]).map(items.json).join(',')}]`);
  }
  switch (type.typeName as string) {
    case 'null':
      return { text: () => null, json: () => 'null' };
    case 'boolean':
    case 'int':
    case 'long':
    case 'abstract:long':
      return plain(String);
    case 'float':
      return number(floatText);
    case 'double':
      return number(String);
    case 'bytes':
    case 'fixed':
      return quoted((value) => (value as Buffer).toString('base64'));
    default:
      return quoted(String);
  }
}

function unionWriter(
  type: InstanceType<typeof types.WrappedUnionType>,
  of: (inner: Type) => AvroWriter,
): AvroWriter {
  const branches = new Map(type.types.map((branch) => [branch.branchName ?? '', of(branch)]));
  const branchOf = (value: unknown): [AvroWriter | undefined, unknown] => {
    const [name = '', inner] = Object.entries(value as object)[0] ?? [];
    return [branches.get(name), inner];
  };
  return {
    text: (value) => {
      if (value === null) return null;
      const [writer, inner] = branchOf(value);
      return writer?.text(inner) ?? null;
    },
    json: (value) => {
      if (value === null) return 'null';
      const [writer, inner] = branchOf(value);
      return writer?.json(inner) ?? 'null';
    },
  };
}

/** Whether a value of the type may take no byte at all. */
const takesNothing = (type: Type, above: ReadonlySet<Type>): boolean => {
  if (type.typeName === 'null') return true;
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
  else if (type instanceof types.UnwrappedUnionType || type instanceof types.WrappedUnionType)
    for (const branch of type.types) refuseEmpty(branch, seen);
}

const empty = (): FormatProblem =>
  new FormatProblem(
    'file.format',
    'the Avro schema has an array of, or is, a type whose values take no bytes; any number of them would fit into a few bytes',
  );
