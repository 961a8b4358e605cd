import type { Column, ColumnType, Dataset } from './dataset.ts';

/** A type that values of a file have given a column, wider than that of its contract. */
export interface Widening {
  readonly column: string;
  readonly type: ColumnType;
}

/**
 * Types that a column may get in place, narrowest first: Iceberg's promotions (spec, "Schema Evolution"), decimals in the sizes that Parquet stores
 * them in. A fraction never gets more digits, and a double has nothing wider.
 */
export function widerTypes(type: ColumnType): readonly ColumnType[] {
  if (type.kind === 'integer') return type.bits === 32 ? [{ ...type, bits: 64 }] : [];
  if (type.kind !== 'decimal') return [];
  return [18, 38]
    .filter((precision) => precision > type.precision)
    .map((precision) => ({ ...type, precision }));
}

/** By column, what its values may widen it to. Personal columns hold texts in the table, and the values of a partition stand in its files' names. */
export const widenable = ({ drift, columns }: Dataset): Readonly<Record<string, readonly ColumnType[]>> =>
  drift.retyped === 'evolve'
    ? Object.fromEntries(
        columns
          .filter(({ pii, partition }) => pii === undefined && partition === undefined)
          .map(({ name, type }) => [name, widerTypes(type)] as const)
          .filter(([, types]) => types.length > 0),
      )
    : {};

/** The dataset with types that files have widened. A contract that names as wide a type, or another one, decides itself. */
export function withWidened(dataset: Dataset, widenings: readonly Widening[]): Dataset {
  if (widenings.length === 0) return dataset;
  const widened = (column: Column): Column => ({
    ...column,
    type: widenings
      .filter(({ column: name }) => name === column.name)
      .reduce((type, wider) => widerThan(type, wider.type) ?? type, column.type),
  });
  return { ...dataset, columns: dataset.columns.map(widened) };
}

/** As wide as `by`, and written as the contract of today says. */
const widerThan = (type: ColumnType, by: ColumnType): ColumnType | undefined =>
  widerTypes(type).find((wider) => typeText(wider) === typeText(by));

/** As people and contracts write it. */
export const typeText = (type: ColumnType): string => {
  if (type.kind === 'integer') return `integer of ${type.bits} bits`;
  return type.kind === 'decimal' ? `decimal(${type.precision},${type.scale})` : type.kind;
};
