import { valueProblem } from '../contract/bounds.ts';
import type { BatchCheck, Column, ColumnType, Dataset, RowCheck, RowTest } from '../contract/dataset.ts';
import type { CheckResult } from '../ledger/entries.ts';
import { overTable, portable } from '../plan/portable.ts';
import { numberOf } from '../plan/tallies.ts';
import type { QueryEngine } from '../ports/query-engine.ts';
import { isDropped } from '../privacy/protection.ts';
import { finding } from './gate.ts';
import { ruleResult } from './results.ts';

/** Athena's SQL: the only place where this file quotes. */
const athena = {
  ident: (name: string) => `"${name.replaceAll('"', '""')}"`,
  literal: (text: string) => `'${text.replaceAll("'", "''")}'`,
};
const { ident, literal } = athena;

/** Rows whose `_run_id` lies in this range, the end exclusive: what runs that started in a time wrote. */
export interface RunRange {
  readonly from: string;
  readonly to: string;
}

export const rowsWritten = ({ domain, name }: Dataset, { from, to }: RunRange): string =>
  `${ident(domain)}.${ident(name)} WHERE _run_id >= ${literal(from)} AND _run_id < ${literal(to)}`;

/**
 * The contract's rules over rows that stand in the table. Rules of rows are asked again: one that refuses rows has to find none. Rules over values
 * that are protected in the table are left to the run, which saw them. One query for all that counts rows, one more for each rule that needs groups or its own query.
 */
export async function tableRuleResults(
  queryEngine: QueryEngine,
  dataset: Dataset,
  range: RunRange,
): Promise<readonly CheckResult[]> {
  const rowRules = dataset.rowChecks.flatMap((check) => {
    const condition = conditionOf(dataset, check);
    return condition === undefined ? [] : [{ check, condition }];
  });
  const counted = dataset.batchChecks.map((rule) => ({ rule, count: countOf(dataset, rule) }));
  const counts = [
    ...rowRules.map(({ condition }) => `count_if(NOT ${condition})`),
    ...counted.flatMap(({ count }) => (count === undefined ? [] : [count])),
  ];
  const sql = `SELECT count(*) AS n${counts.map((count, index) => `, ${count} AS c${index}`).join('')} FROM ${rowsWritten(dataset, range)}`;
  const [answer = []] = (await queryEngine.query(sql)).rows;
  const [rows = 0, ...values] = answer.map(Number);
  // What has not come is for the arrivals to tell.
  if (rows === 0) return [];
  const results = rowRules.map(({ check }, index) => rowResult(check, values[index] ?? 0, rows));
  let next = rowRules.length;
  for (const { rule, count } of counted) {
    if (!isJudged(dataset, rule)) continue;
    const value = count === undefined ? await ownQuery(queryEngine, dataset, rule, range) : values[next++];
    const number = value ?? null;
    const share = rule.unit === 'percent' && number !== null ? (100 * number) / rows : number;
    const { outcome, ...result } = ruleResult(rule, share);
    const message = outcome === 'pass' ? {} : { message: `${finding(rule, share)}, over the day` };
    results.push({ ...result, outcome, rows, ...message });
  }
  return results;
}

function rowResult({ key, action }: RowCheck, value: number, rows: number): CheckResult {
  if (value === 0) return { check: key, outcome: 'pass', value, rows };
  const message = `${value} of ${rows} rows written that day do not pass ${key}`;
  return { check: key, outcome: action === 'warn' ? 'warn' : 'fail', value, rows, message };
}

const columnNamed = ({ columns }: Dataset, name: string): Column | undefined =>
  columns.find((column) => column.name === name);

/** The table has the column, with the value that the rule is about. */
const isClear = (column: Column | undefined): boolean =>
  column !== undefined && column.pii === undefined && column.isStray !== true;

const mentionsProtected = ({ columns }: Dataset, sql: string): boolean =>
  columns.some((each) => !isClear(each) && new RegExp(`\\b${each.name}\\b`, 'i').test(sql));

/** A condition that is never null; undefined for what can't be judged by the table's rows. */
function conditionOf(dataset: Dataset, { test, column: name }: RowCheck): string | undefined {
  if (test.kind === 'predicate')
    return mentionsProtected(dataset, test.sql)
      ? undefined
      : `coalesce((${portable(test.sql, athena)}), TRUE)`;
  const column = name === undefined ? undefined : columnNamed(dataset, name);
  if (column === undefined || isDropped(column) || column.isStray === true) return undefined;
  if (test.kind === 'required') return `(${ident(column.name)} IS NOT NULL)`;
  return isClear(column) ? `coalesce(${valueCondition(test, column)}, TRUE)` : undefined;
}

type ValueTest = Exclude<RowTest, { kind: 'predicate' | 'required' }>;

function valueCondition(test: ValueTest, { name, type }: Column): string {
  const value = ident(name);
  const typed = (text: string) =>
    isText(type) ? literal(text) : `CAST(${literal(text)} AS ${typeName(type)})`;
  const all = (...parts: readonly (string | undefined)[]) =>
    `(${parts.filter((part) => part !== undefined).join(' AND ') || 'TRUE'})`;
  const bound = (sign: string, text: string | undefined) =>
    text === undefined ? undefined : `${value} ${sign} ${typed(text)}`;
  switch (test.kind) {
    case 'length':
      return all(
        test.min === undefined ? undefined : `length(${value}) >= ${test.min}`,
        test.max === undefined ? undefined : `length(${value}) <= ${test.max}`,
      );
    case 'pattern':
      return `regexp_like(${value}, ${literal(`\\A(?:${test.pattern})\\z`)})`;
    case 'range':
      return all(
        bound('>=', test.min),
        bound('<=', test.max),
        bound('>', test.exclusiveMin),
        bound('<', test.exclusiveMax),
      );
    case 'multipleOf':
      return `(${value} % ${typed(test.of)} = 0)`;
    case 'allowed':
    case 'forbidden': {
      const known = test.values.filter((text) => isText(type) || valueProblem(type, text) === undefined);
      const list = known.map(typed).join(', ');
      if (list === '') return test.kind === 'allowed' ? `(${value} IS NULL)` : 'TRUE';
      return `(${value} ${test.kind === 'allowed' ? 'IN' : 'NOT IN'} (${list}))`;
    }
  }
}

const isText = ({ kind }: ColumnType): boolean => kind === 'string' || kind === 'json';

function typeName(type: ColumnType): string {
  switch (type.kind) {
    case 'string':
    case 'json':
      return 'varchar';
    case 'integer':
      return 'bigint';
    case 'decimal':
      return `decimal(${type.precision}, ${type.scale})`;
    case 'double':
    case 'boolean':
    case 'date':
      return type.kind;
    case 'timestamp':
      return 'timestamp';
  }
}

function isJudged(dataset: Dataset, { measure }: BatchCheck): boolean {
  switch (measure.kind) {
    case 'rowCount':
      return true;
    case 'nulls':
    case 'invalid':
      return isClear(columnNamed(dataset, measure.column));
    case 'duplicates':
      return measure.columns.every((name) => isClear(columnNamed(dataset, name)));
    case 'sql':
      return !mentionsProtected(dataset, measure.query);
  }
}

/** What the one query for all counts for a rule; undefined for one that needs its own. */
function countOf(dataset: Dataset, rule: BatchCheck): string | undefined {
  const { measure } = rule;
  if (!isJudged(dataset, rule)) return undefined;
  if (measure.kind === 'rowCount') return 'count(*)';
  if (measure.kind === 'nulls') return `count_if(${ident(measure.column)} IS NULL)`;
  if (measure.kind !== 'invalid') return undefined;
  const check = { test: measure.test, column: measure.column } as RowCheck;
  return `count_if(NOT ${conditionOf(dataset, check) ?? 'TRUE'})`;
}

async function ownQuery(
  queryEngine: QueryEngine,
  dataset: Dataset,
  { measure }: BatchCheck,
  range: RunRange,
): Promise<number | null> {
  const published = `WITH published AS (SELECT * FROM ${rowsWritten(dataset, range)}) `;
  const query =
    measure.kind === 'duplicates'
      ? `SELECT coalesce(sum(n - 1), 0) AS v FROM (SELECT count(*) AS n FROM published GROUP BY ${measure.columns.map(ident).join(', ')}) AS g`
      : measure.kind === 'sql'
        ? `SELECT (${portable(overTable(measure.query, 'published'), athena)}) AS v`
        : 'SELECT count(*) AS v FROM published';
  const { rows } = await queryEngine.query(published + query);
  return numberOf(rows[0]?.[0]);
}
