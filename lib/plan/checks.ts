import { valueProblem } from '../contract/bounds.ts';
import type { Column, Dataset, RowCheck, RowTest } from '../contract/dataset.ts';
import { TerminalError } from '../errors.ts';
import { LIMITS } from '../formats/limits.ts';
import type { ValueDialect } from './dialect.ts';
import type { PlanCheck } from './plan.ts';
import { grammar, sqlType } from './typing.ts';

/** A check with the SQL that is true for rows that pass; never null. Its position in the list is its number in `_failed`. */
export interface CompiledCheck extends PlanCheck {
  readonly passes: string;
}

/** Inside the stage statement a column's own name is its typed value; these are its field as it came and its cleaned text. */
export const fieldName = (column: Pick<Column, 'name'>): string => `_field_${column.name}`;
export const textName = (column: Pick<Column, 'name'>): string => `_text_${column.name}`;

/** Every check of a row: types first, then what the contract lists. */
export function rowChecks(dataset: Dataset, sql: ValueDialect): readonly CompiledCheck[] {
  const types = dataset.columns.flatMap((column) => typeChecks(column, dataset.drift.retyped, sql));
  return [...types, ...dataset.rowChecks.map((check) => listed(dataset, check, sql))];
}

/** Key of the check that a number lies within the range of its column's type. */
const fitsKey = (column: string): string => `${column}.fits`;

function typeChecks(
  column: Column,
  retyped: Dataset['drift']['retyped'],
  sql: ValueDialect,
): readonly CompiledCheck[] {
  if (column.type.kind === 'string') return partitionChecks(column, sql);
  const text = sql.ident(textName(column));
  const value = sql.ident(column.name);
  const numbers = grammar(column.type);
  const isValue = `(${text} IS NULL OR ${value} IS NOT NULL)`;
  const base = {
    column: column.name,
    action: retyped === 'reject' ? 'rejectFile' : 'quarantine',
  } as const;
  if (numbers === undefined)
    return [{ ...base, key: `${column.name}.type`, code: 'value.type', passes: isValue }];
  const isNumber = either(isValue, sql.matches(text, numbers));
  const fits = either(isValue, `NOT ${sql.matches(text, numbers)}`);
  return [
    { ...base, key: `${column.name}.type`, code: 'value.type', passes: isNumber },
    { ...base, key: fitsKey(column.name), code: 'value.range', passes: fits },
  ];
}

/** The costly side is computed only for rows of which the cheap one is not true: OR in DuckDB computes both for all. */
const either = (cheap: string, costly: string): string => `(CASE WHEN ${cheap} THEN TRUE ELSE ${costly} END)`;

/** The engine writes a partition into a folder named like its value, percent-encoded: where that name is too long the row is refused, not the run. */
function partitionChecks(column: Column, sql: ValueDialect): readonly CompiledCheck[] {
  if (column.partition?.transform !== 'identity' || column.pii !== undefined) return [];
  const text = sql.ident(textName(column));
  // An encoded byte has three. A sign beyond ASCII has up to three, beyond U+FFFF four.
  const short = sql.replaceAll(text, '[\\x{10000}-\\x{10FFFF}]', 'x'.repeat(12));
  const ascii = sql.replaceAll(short, '[^\\x00-\\x7F]', 'x'.repeat(9));
  const encoded = sql.length(sql.replaceAll(ascii, '[^A-Za-z0-9_.-]', 'xxx'));
  const most = LIMITS.partitionBytes;
  const passes = either(`${text} IS NULL OR ${sql.length(text)} <= ${most / 12}`, `${encoded} <= ${most}`);
  return [
    {
      key: `${column.name}.partition`,
      column: column.name,
      code: 'value.length',
      action: 'quarantine',
      passes,
    },
  ];
}

function listed(dataset: Dataset, check: RowCheck, sql: ValueDialect): CompiledCheck {
  const rule = check.key.startsWith('rule.') ? check.key.slice('rule.'.length) : undefined;
  return {
    key: check.key,
    code: check.code,
    action: check.action,
    ...(check.column === undefined ? {} : { column: check.column }),
    ...(rule === undefined ? {} : { rule }),
    passes: passes(check.test, check.column === undefined ? undefined : columnOf(dataset, check.column), sql),
  };
}

/** @throws TerminalError when the dataset has no such column */
export function columnOf(dataset: Dataset, name: string): Column {
  const column = dataset.columns.find((candidate) => candidate.name === name);
  if (column === undefined) {
    throw new TerminalError(`${dataset.domain}/${dataset.name} has no column ${name}`, { fault: 'contract' });
  }
  return column;
}

/** SQL that is true, never null, for a row that passes the test. Names are those of the stage statement. */
export function passes(test: RowTest, column: Column | undefined, sql: ValueDialect): string {
  if (test.kind === 'predicate') return `COALESCE((${test.sql}), TRUE)`;
  if (column === undefined)
    throw new TerminalError(`check ${test.kind} needs a column`, { fault: 'headgate' });
  const text = sql.ident(textName(column));
  if (test.kind === 'required') return `${text} IS NOT NULL`;
  return `COALESCE(${condition(test, column, sql)}, TRUE)`;
}

type ValueTest = Exclude<RowTest, { kind: 'predicate' | 'required' }>;

function condition(test: ValueTest, column: Column, sql: ValueDialect): string {
  const text = sql.ident(textName(column));
  const value = sql.ident(column.name);
  const literal = (bound: string) => sql.tryCast(sql.literal(bound), sqlType(column.type));
  switch (test.kind) {
    case 'length':
      return all([
        [test.min, (min) => `${sql.length(text)} >= ${min}`],
        [test.max, (max) => `${sql.length(text)} <= ${max}`],
      ]);
    case 'pattern':
      return sql.matches(text, test.pattern);
    case 'range':
      return all([
        [test.min, (bound) => `${value} >= ${literal(bound)}`],
        [test.max, (bound) => `${value} <= ${literal(bound)}`],
        [test.exclusiveMin, (bound) => `${value} > ${literal(bound)}`],
        [test.exclusiveMax, (bound) => `${value} < ${literal(bound)}`],
      ]);
    case 'multipleOf':
      return `${value} % ${literal(test.of)} = 0`;
    case 'allowed':
      return isListed(test.values, column, sql).join(' OR ') || 'FALSE';
    case 'forbidden':
      return (
        isListed(test.values, column, sql)
          .map((isOne) => `NOT ${isOne}`)
          .join(' AND ') || 'TRUE'
      );
  }
}

/** Conditions of which one holds where the value is one of the list: values of the column's type as such, all others as texts. */
function isListed(values: readonly string[], column: Column, sql: ValueDialect): readonly string[] {
  const isText = column.type.kind === 'string' || column.type.kind === 'json';
  const [typed, texts] = [true, false].map((as) =>
    values.filter((value) => (!isText && valueProblem(column.type, value) === undefined) === as),
  );
  const among = (name: string, list: readonly string[] | undefined, literal: (value: string) => string) =>
    list === undefined || list.length === 0
      ? []
      : [`(${sql.ident(name)} IN (${list.map(literal).join(', ')}))`];
  const type = sqlType(column.type);
  return [
    ...among(column.name, typed, (value) => sql.tryCast(sql.literal(value), type)),
    ...among(textName(column), texts, sql.literal),
  ];
}

function all<Bound>(bounds: readonly (readonly [Bound | undefined, (bound: Bound) => string])[]): string {
  const conditions = bounds.flatMap(([bound, sql]) => (bound === undefined ? [] : [sql(bound)]));
  return conditions.length === 0 ? 'TRUE' : conditions.join(' AND ');
}
