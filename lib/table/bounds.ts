import type { ColumnStats } from './data-file.ts';
import type { Field, FieldType } from './schema.ts';

/** Longest text kept as a bound; longer ones are left out, which only costs pruning. */
const LONGEST = 256;

/**
 * Single-value serialisation of a bound (Iceberg spec, appendix D) from the text that DuckDB prints; undefined where the text has no exact
 * counterpart (infinities, years before 1 or after 9999): then the bound is left out. Zero of a floating type is widened to both signs.
 */
export function encodeBound(type: FieldType, text: string, side: 'lower' | 'upper'): Uint8Array | undefined {
  if (typeof type !== 'string') return undefined;
  if (type.startsWith('decimal')) return decimalBound(type, text);
  switch (type) {
    case 'boolean':
      return Uint8Array.of(text === 'true' || text === '1' ? 1 : 0);
    case 'int':
      return int32(Number(text));
    case 'date':
      return optional(days(text), int32);
    case 'long':
      return int64(BigInt(text));
    case 'timestamp':
    case 'timestamptz':
      return optional(micros(text), int64);
    case 'double':
      return doubleBound(text, side);
    case 'string':
      return text.length <= LONGEST ? Buffer.from(text) : undefined;
    default:
      return undefined;
  }
}

const optional = <In, Out>(value: In | undefined, map: (value: In) => Out): Out | undefined =>
  value === undefined ? undefined : map(value);

const int32 = (value: number): Uint8Array => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
};

const int64 = (value: bigint): Uint8Array => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(value);
  return bytes;
};

function doubleBound(text: string, side: 'lower' | 'upper'): Uint8Array | undefined {
  const value = Number(text);
  if (!Number.isFinite(value)) return undefined;
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value === 0 ? (side === 'lower' ? -0 : 0) : value);
  return bytes;
}

/** Unscaled value as the shortest big-endian two's complement. */
function decimalBound(type: string, text: string): Uint8Array | undefined {
  const scale = Number(/, (\d+)\)/.exec(type)?.[1]);
  const parts = /^(-?)(\d*)(?:\.(\d*))?$/.exec(text);
  if (parts === null) return undefined;
  const [, sign = '', whole = '', fraction = ''] = parts;
  const digits = BigInt(`${whole}${fraction.padEnd(scale, '0')}`);
  const value = sign === '-' ? -digits : digits;
  let bits = 8;
  while (BigInt.asIntN(bits, value) !== value) bits += 8;
  const hex = BigInt.asUintN(bits, value)
    .toString(16)
    .padStart(bits / 4, '0');
  return Buffer.from(hex, 'hex');
}

/** Days since 1970 of `yyyy-MM-dd`. `Date.UTC` is not used: it takes the years 0 to 99 for 1900 to 1999. */
export function days(text: string): number | undefined {
  const match = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text);
  if (match === null) return undefined;
  const date = new Date(0);
  date.setUTCFullYear(Number(match[1]), Number(match[2]) - 1, Number(match[3]));
  return date.getTime() / 86_400_000;
}

/** Microseconds since 1970 of `yyyy-MM-dd HH:mm:ss[.ffffff]`. */
export function micros(text: string): bigint | undefined {
  const match = /^(\d{4}-\d{2}-\d{2}) (\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,6}))?$/.exec(text);
  const day = match === null ? undefined : days(match[1] ?? '');
  if (match === null || day === undefined) return undefined;
  const seconds =
    BigInt(day) * 86_400n +
    BigInt(match[2] ?? 0) * 3600n +
    BigInt(match[3] ?? 0) * 60n +
    BigInt(match[4] ?? 0);
  return seconds * 1_000_000n + BigInt((match[5] ?? '').padEnd(6, '0'));
}

export interface EncodedStats {
  readonly sizes: readonly IdValue<number>[];
  readonly values: readonly IdValue<number>[];
  readonly nulls: readonly IdValue<number>[];
  readonly lower: readonly IdValue<Uint8Array>[];
  readonly upper: readonly IdValue<Uint8Array>[];
}

interface IdValue<Value> {
  readonly key: number;
  readonly value: Value;
}

/** Statistics of a file by field id. Fields inside lists carry none: their counts are not those of rows. */
export function encodeStats(
  schema: readonly Field[],
  columns: Readonly<Record<string, ColumnStats>>,
): EncodedStats {
  const present = schema.flatMap((field) => {
    const stats = columns[String(field.id)];
    return stats === undefined || typeof field.type !== 'string' ? [] : [{ field, stats }];
  });
  const bounds = (side: 'lower' | 'upper') =>
    present.flatMap(({ field, stats }) => {
      const text = stats[side];
      const value =
        text === undefined || stats.hasNan === true ? undefined : encodeBound(field.type, text, side);
      return value === undefined ? [] : [{ key: field.id, value }];
    });
  return {
    sizes: present.flatMap(({ field, stats }) =>
      stats.bytes === undefined ? [] : [{ key: field.id, value: stats.bytes }],
    ),
    values: present.map(({ field, stats }) => ({ key: field.id, value: stats.values })),
    nulls: present.map(({ field, stats }) => ({ key: field.id, value: stats.nulls })),
    lower: bounds('lower'),
    upper: bounds('upper'),
  };
}
