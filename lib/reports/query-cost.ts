import { Dialect, parse } from '@polyglot-sql/sdk';
import { athenaQuery } from '../cost/cost.ts';
import type { Catalog, TableName } from '../ports/catalog.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import type { LiveFile } from '../table/manifests.ts';
import type { PartitionField } from '../table/partition-spec.ts';
import type { Field } from '../table/schema.ts';
import { liveFiles, loadTable, shapeOf } from '../table/table.ts';
import type { Mart } from './marts.ts';
import { idOf, references, tablesIn } from './references.ts';

/** What a statement reads of one table at most. */
export interface TableCost {
  readonly table: string;
  readonly files: number;
  readonly ofFiles: number;
  readonly columns: number;
  readonly ofColumns: number;
  readonly bytes: number;
  /** Of all its files. */
  readonly ofBytes: number;
}

export interface QueryCost {
  readonly tables: readonly TableCost[];
  readonly bytes: number;
  /** What Athena takes for it by list price. */
  readonly usd: number;
}

export interface QueryCostPorts {
  readonly catalog: Catalog;
  readonly storeOf: (table: TableName) => ObjectStore;
  readonly marts: readonly Mart[];
}

/**
 * The most that a statement in Athena's SQL reads, told from the metadata of its tables without reading any row. A column counts where its name stands anywhere in
 * the text that names the table, all of them where there is a star; a file where no condition of that text rules out its partition or its bounds. Athena may read less (it
 * skips within files), and reads footers besides. Tables that the catalogue does not know, as the ledger's on a laptop, cost nothing.
 */
export async function queryCost(
  { catalog, storeOf, marts }: QueryCostPorts,
  sql: string,
): Promise<QueryCost> {
  const read = references(sql, marts);
  const texts = [sql, ...read.marts.map((mart) => mart.sql)];
  const tables: TableCost[] = [];
  for (const name of read.tables) {
    const table = await loadTable({ catalog, store: storeOf(name) }, name);
    if (table === undefined) continue;
    const { schema, spec } = shapeOf(table.metadata);
    const all = await liveFiles(storeOf(name), table);
    const naming = texts.filter((text) => tablesIn(text).some((each) => idOf(each) === idOf(name)));
    const wanted = schema.filter((field) => naming.some((text) => mentions(text, field.name)));
    const uses = naming.flatMap((text) => usesOf(text, name));
    const files = all.filter((file) => uses.some((conditions) => mayMatch(file, conditions, schema, spec)));
    tables.push({
      table: idOf(name),
      files: files.length,
      ofFiles: all.length,
      columns: wanted.length,
      ofColumns: schema.length,
      bytes: files.reduce((sum, file) => sum + bytesOf(file, wanted, schema), 0),
      ofBytes: all.reduce((sum, file) => sum + file.bytes, 0),
    });
  }
  const bytes = tables.reduce((sum, each) => sum + each.bytes, 0);
  return { tables, bytes, usd: athenaQuery(bytes) };
}

/** Bytes of some columns; of the whole file where it does not say. */
function bytesOf(file: LiveFile, wanted: readonly Field[], schema: readonly Field[]): number {
  if (wanted.length === schema.length) return file.bytes;
  const sizes = wanted.map(({ id }) => file.columnBytes(id));
  return sizes.some((size) => size === undefined)
    ? file.bytes
    : sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0);
}

function mentions(text: string, column: string): boolean {
  const bare = text.replaceAll(/--[^\n]*|\/\*[\s\S]*?\*\/|'(?:[^']|'')*'/g, ' ');
  // A star that is no product and counts no rows.
  if (/(?:\bselect(?:\s+(?:all|distinct))?|[,.])\s*\*/i.test(bare)) return true;
  return new RegExp(`(?<![\\w$])${column.replaceAll(/[^\w]/g, '\\$&')}(?![\\w$])`, 'i').test(bare);
}

/** A comparison of a column that every row in question passes. */
interface Condition {
  readonly column: string;
  readonly low?: string;
  readonly high?: string;
}

type Node = Readonly<Record<string, unknown>>;

/** For each place where a statement names the table, the comparisons of its columns with literals that stand in the WHERE of the same SELECT. */
function usesOf(text: string, name: TableName): readonly (readonly Condition[])[] {
  const { success, ast } = parse(text, Dialect.Athena);
  if (!success) return [[]];
  const uses: (readonly Condition[])[] = [];
  const visit = (node: unknown): void => {
    if (Array.isArray(node)) node.forEach(visit);
    if (typeof node !== 'object' || node === null) return;
    const { select } = node as { readonly select?: Node };
    if (select !== undefined) uses.push(...usesInSelect(select, name));
    Object.values(node).forEach(visit);
  };
  visit(ast);
  return uses;
}

interface TableNode {
  readonly name?: { readonly name?: string };
  readonly schema?: { readonly name?: string } | null;
  readonly alias?: { readonly name?: string } | null;
}

function usesInSelect(select: Node, { database, name }: TableName): readonly (readonly Condition[])[] {
  const own: TableNode[] = [];
  let sources = 0;
  const visit = (node: unknown): void => {
    if (Array.isArray(node)) return node.forEach(visit);
    if (typeof node !== 'object' || node === null) return;
    const { table, subquery } = node as { readonly table?: TableNode | null; readonly subquery?: unknown };
    if (subquery !== undefined && subquery !== null) {
      sources++;
      return;
    }
    if (table?.name?.name !== undefined && 'schema' in table) {
      sources++;
      if (table.schema?.name?.toLowerCase() === database && table.name.name.toLowerCase() === name)
        own.push(table);
      return;
    }
    Object.entries(node).forEach(([key, value]) => {
      if (key !== 'select') visit(value);
    });
  };
  visit([select.from, select.joins, select.lateral_views]);
  const where = (select.where_clause as { readonly this?: unknown } | null)?.this;
  const found = conjuncts(where).flatMap(comparison);
  return own.map((table) => {
    const alias = (table.alias?.name ?? table.name?.name ?? '').toLowerCase();
    return found
      .filter(({ of }) => (of === undefined ? sources === 1 : of === alias))
      .map(({ of: _of, ...condition }) => condition);
  });
}

function conjuncts(node: unknown): readonly Node[] {
  if (typeof node !== 'object' || node === null) return [];
  const { and, paren } = node as { readonly and?: Node; readonly paren?: { readonly this?: unknown } };
  if (and !== undefined) return [...conjuncts(and.left), ...conjuncts(and.right)];
  return paren === undefined ? [node as Node] : conjuncts(paren.this);
}

const SIGNS = { eq: ['low', 'high'], gt: ['low'], gte: ['low'], lt: ['high'], lte: ['high'] } as const;
const OPPOSITE = { low: 'high', high: 'low' } as const;

type Qualified = Condition & { readonly of?: string };

/** `<` and `<=` are taken alike: the bound itself may be read for nothing. */
function comparison(node: Node): readonly Qualified[] {
  const between = node.between as
    | { readonly this?: unknown; readonly low?: unknown; readonly high?: unknown; readonly not?: boolean }
    | undefined;
  if (between !== undefined) {
    const column = columnOf(between.this);
    const [low, high] = [literalOf(between.low), literalOf(between.high)];
    if (column === undefined || low === undefined || high === undefined || between.not === true) return [];
    return [{ ...column, low, high }];
  }
  for (const [sign, sides] of Object.entries(SIGNS)) {
    const operation = node[sign] as { readonly left?: unknown; readonly right?: unknown } | undefined;
    if (operation === undefined) continue;
    const left = columnOf(operation.left);
    const column = left ?? columnOf(operation.right);
    const literal = literalOf(left === undefined ? operation.left : operation.right);
    if (column === undefined || literal === undefined) return [];
    const ends = sides.map((side) => [left === undefined ? OPPOSITE[side] : side, literal]);
    return [{ ...column, ...Object.fromEntries(ends) }];
  }
  return [];
}

function columnOf(node: unknown): Pick<Qualified, 'column' | 'of'> | undefined {
  const { column } = (node ?? {}) as {
    readonly column?: {
      readonly name?: { readonly name?: string };
      readonly table?: { readonly name?: string } | null;
    };
  };
  const name = column?.name?.name?.toLowerCase();
  if (name === undefined) return undefined;
  const of = column?.table?.name?.toLowerCase();
  return { column: name, ...(of === undefined ? {} : { of }) };
}

function literalOf(node: unknown): string | undefined {
  const { literal } = (node ?? {}) as { readonly literal?: { readonly value?: unknown } };
  return literal === undefined ? undefined : String(literal.value);
}

/** Whether a row of the file may pass all conditions, by its partition and its bounds. */
const mayMatch = (
  file: LiveFile,
  conditions: readonly Condition[],
  schema: readonly Field[],
  spec: readonly PartitionField[],
): boolean =>
  conditions.every((condition) => {
    const field = schema.find(({ name }) => name.toLowerCase() === condition.column);
    if (field === undefined) return true;
    const { low, high } = condition;
    const parts = spec.every((each, index) => {
      const value = file.partition[index];
      if (each['source-id'] !== field.id || value === null || value === undefined) return true;
      return lies(value, transformed(low, each), transformed(high, each), each.transform);
    });
    if (!parts || field.type !== 'string') return parts;
    const [least, most] = [file.lowerText(field.id), file.upperText(field.id)];
    const isBelow = low !== undefined && most !== undefined && Buffer.compare(bytes(most), bytes(low)) < 0;
    const isAbove =
      high !== undefined && least !== undefined && Buffer.compare(bytes(least), bytes(high)) > 0;
    return !isBelow && !isAbove;
  });

const bytes = (text: string): Buffer => Buffer.from(text);

/** The partition value of a literal; undefined where the literal is none of the kind, which rules nothing out. */
function transformed(literal: string | undefined, { transform }: PartitionField): string | undefined {
  if (literal === undefined || transform === 'identity') return literal;
  const [, year, month, day] = /^(\d{4})-(\d{2})-(\d{2})/.exec(literal) ?? [];
  if (year === undefined) return undefined;
  if (transform === 'day') return `${year}-${month}-${day}`;
  const years = Number(year) - 1970;
  return String(transform === 'year' ? years : years * 12 + Number(month) - 1);
}

const NUMBER = /^-?\d+(\.\d+)?$/;

function lies(
  value: string,
  low: string | undefined,
  high: string | undefined,
  transform: PartitionField['transform'],
): boolean {
  const isNumber = transform === 'month' || transform === 'year' || NUMBER.test(value);
  const isBelow = (a: string, b: string) =>
    isNumber && NUMBER.test(b) && NUMBER.test(a) ? Number(a) < Number(b) : bytes(a).compare(bytes(b)) < 0;
  return !(low !== undefined && isBelow(value, low)) && !(high !== undefined && isBelow(high, value));
}
