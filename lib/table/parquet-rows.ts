import type { SchemaElement } from 'hyparquet';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { TerminalError } from '../errors.ts';
import { days, micros } from './bounds.ts';
import type { ColumnStats } from './data-file.ts';
import type { Field, PrimitiveType } from './schema.ts';

/** A value as text or number: dates `2026-01-31`, times `2026-01-31 06:00:00.000`. */
export type Scalar = string | number | null;

export interface ParquetRows {
  readonly bytes: Uint8Array;
  /** By field id, as in `DataFile`. */
  readonly columns: Readonly<Record<string, ColumnStats>>;
}

/**
 * Rows that lie in memory as one Parquet file with field ids, for tables that no engine writes. Scalars only. Bounds of texts are left out: they
 * would be those of JavaScript's order, which is not the one of UTF-8.
 */
export function parquetOf(schema: readonly Field[], rows: readonly (readonly Scalar[])[]): ParquetRows {
  const types = schema.map(typeOf);
  const texts = schema.map((_, index) => rows.map((row) => row[index] ?? null));
  const bytes = parquetWriteBuffer({
    schema: [
      { name: 'table', num_children: schema.length },
      ...schema.map(({ id, name }, index) => ({
        name,
        field_id: id,
        repetition_type: 'OPTIONAL' as const,
        ...types[index]?.element,
      })),
    ],
    columnData: schema.map(({ name }, index) => ({
      name,
      data: (texts[index] ?? []).map((value) => (value === null ? null : types[index]?.stored(value))),
    })),
  });
  const columns = schema.map(({ id }, index) => [id, statsOf(texts[index] ?? [], types[index])] as const);
  return { bytes: new Uint8Array(bytes), columns: Object.fromEntries(columns) };
}

interface ParquetType {
  readonly element: Partial<SchemaElement>;
  stored(value: string | number): unknown;
  /** Undefined where no bounds are written. */
  readonly compare?: (a: string | number, b: string | number) => number;
}

const order = (a: string | number, b: string | number): number => (a < b ? -1 : a > b ? 1 : 0);

const TYPES: Partial<Record<PrimitiveType, ParquetType>> = {
  string: { element: { type: 'BYTE_ARRAY', converted_type: 'UTF8' }, stored: String },
  long: { element: { type: 'INT64' }, stored: (value) => BigInt(value), compare: order },
  double: { element: { type: 'DOUBLE' }, stored: Number, compare: order },
  date: {
    element: { type: 'INT32', converted_type: 'DATE' },
    stored: (value) => days(String(value)),
    compare: order,
  },
  timestamp: {
    element: {
      type: 'INT64',
      logical_type: { type: 'TIMESTAMP', isAdjustedToUTC: false, unit: 'MICROS' },
    },
    stored: (value) => micros(String(value)),
    compare: order,
  },
};

function typeOf({ name, type }: Field): ParquetType {
  const found = typeof type === 'string' ? TYPES[type] : undefined;
  if (found !== undefined) return found;
  throw new TerminalError(
    `column ${name} can't be written from memory; allowed: ${Object.keys(TYPES).join(', ')}`,
    { fault: 'headgate' },
  );
}

function statsOf(values: readonly Scalar[], type: ParquetType | undefined): ColumnStats {
  const present = values.filter((value) => value !== null);
  const stats = { values: values.length, nulls: values.length - present.length };
  const [first] = present;
  if (first === undefined || type?.compare === undefined) return stats;
  const { compare } = type;
  const pick = (isBetter: (order: number) => boolean) =>
    String(present.reduce((best, value) => (isBetter(compare(value, best)) ? value : best), first));
  return { ...stats, lower: pick((sign) => sign < 0), upper: pick((sign) => sign > 0) };
}
