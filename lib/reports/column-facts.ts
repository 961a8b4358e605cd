import type { TableName } from '../ports/catalog.ts';
import type { QueryEngine } from '../ports/query-engine.ts';
import type { Field } from '../table/schema.ts';

/** What one run's rows hold in a column. Values of classified columns do not show: for them there are counts alone. */
export interface ColumnFacts {
  readonly rows: number;
  readonly nulls: number;
  /** Approximate. */
  readonly distinct: number;
  readonly min?: string;
  readonly max?: string;
  /** Of numbers; of texts their length. */
  readonly mean?: number;
  /** By value, where there are few: their shares of the rows that have one. */
  readonly shares?: Readonly<Record<string, number>>;
}

export interface ColumnsOfRun {
  readonly table: TableName;
  readonly runId: string;
  readonly columns: readonly Field[];
  readonly classified: readonly string[];
  /** Follows the table's name, where the engine travels in time by statement. */
  readonly version: string;
}

const FEW_VALUES = 20;
const NUMBER = /^(?:int|long|float|double|decimal)/;
const ORDERED = /^(?:int|long|float|double|decimal|date|timestamp)/;

/** One statement for all columns, one more for each with few values. */
export async function columnFacts(
  engine: QueryEngine,
  { table, runId, columns, classified, version }: ColumnsOfRun,
): Promise<Readonly<Record<string, ColumnFacts>>> {
  const own = columns.filter(({ name }) => !name.startsWith('_'));
  const from = `FROM ${quoted(table.database)}.${quoted(table.name)}${version} WHERE _run_id = '${runId}'`;
  const isOpen = ({ name }: Field) => !classified.includes(name);
  const terms = own.flatMap((field) => termsOf(field, isOpen(field)));
  const { rows } = await engine.query(`SELECT count(*)${terms.map((term) => `, ${term}`).join('')} ${from}`);
  const [all = '0', ...values] = rows[0] ?? [];
  const facts: Record<string, ColumnFacts> = {};
  for (const [index, field] of own.entries()) {
    const [filled, distinct, min, max, mean] = values.slice(index * TERMS, (index + 1) * TERMS);
    const count = Number(all);
    const few =
      isOpen(field) && !/^(?:list|struct|map)/.test(typeOf(field)) && Number(distinct) <= FEW_VALUES;
    facts[field.name] = {
      rows: count,
      nulls: count - Number(filled),
      distinct: Number(distinct),
      ...(min == null ? {} : { min }),
      ...(max == null ? {} : { max }),
      ...(mean == null ? {} : { mean: Number(mean) }),
      ...(few ? { shares: await sharesOf(engine, field.name, from, Number(filled)) } : {}),
    };
  }
  return facts;
}

const typeOf = ({ type }: Field): string => (typeof type === 'string' ? type : 'list');

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

const TERMS = 5;

function termsOf(field: Field, isOpen: boolean): readonly string[] {
  const name = quoted(field.name);
  const type = typeOf(field);
  const bounds = isOpen && ORDERED.test(type);
  const text = (expression: string) => `CAST(${expression} AS varchar)`;
  const mean = NUMBER.test(type)
    ? `avg(CAST(${name} AS double))`
    : type === 'string'
      ? `avg(CAST(length(${name}) AS double))`
      : 'NULL';
  return [
    `count(${name})`,
    `approx_distinct(${name})`,
    bounds ? text(`min(${name})`) : 'NULL',
    bounds ? text(`max(${name})`) : 'NULL',
    isOpen ? mean : 'NULL',
  ];
}

async function sharesOf(
  engine: QueryEngine,
  column: string,
  from: string,
  filled: number,
): Promise<Readonly<Record<string, number>>> {
  const name = quoted(column);
  const { rows } = await engine.query(
    `SELECT CAST(${name} AS varchar), count(*) ${from} AND ${name} IS NOT NULL GROUP BY 1`,
  );
  return Object.fromEntries(rows.map(([value, count]) => [value ?? '', Number(count) / Math.max(filled, 1)]));
}
