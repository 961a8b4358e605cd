import type { Column, Dataset, RowTest } from '../contract/dataset.ts';
import { plainType } from '../contract/number-format.ts';
import { widenable } from '../contract/widening.ts';
import { type CompiledCheck, columnOf, fieldName, passes, rowChecks, textName } from './checks.ts';
import type { ValueDialect } from './dialect.ts';
import { cleaned, sqlType, typed } from './typing.ts';

/**
 * Select over `records`, one pass: cleaned texts, then typed values, then checks. Good rows carry no text and no list of failures:
 * copying wide text between steps is what costs (DESIGN section 10).
 * Columns: every column typed, `_file`, `_ok`, `_failed` (check numbers, null when none failed), `_shown` (the fields of a refused row as
 * they came, personal ones cleaned; null for good rows), `_text` (the same of every row, only where the raw table wants it), and
 * `_valid_<n>` for each batch check that counts invalid values: what judges a text stands here and nowhere else. `_wider_<column>`: see `widening`.
 */
export function stageStatement(
  dataset: Dataset,
  checks: readonly CompiledCheck[],
  sql: ValueDialect,
): string {
  const { columns } = dataset;
  const as = (expression: string, name: string) => `${expression} AS ${sql.ident(name)}`;
  const names = (nameOf: (column: Column) => string) => columns.map((column) => sql.ident(nameOf(column)));
  const own = (column: Column) => column.name;

  const fields = columns.map((column) => as(sql.ident(column.name), fieldName(column)));
  const texts = columns.map((column) => as(cleaned(column, sql.ident(column.name), sql), textName(column)));
  const cleanedRows = `SELECT _file, ${[...fields, ...texts].join(', ')} FROM records`;

  const values = columns.map((column) =>
    as(typed(column.type, sql.ident(textName(column)), sql), column.name),
  );
  const typedRows = `SELECT *, ${values.join(', ')} FROM (${cleanedRows}) AS cleaned`;

  const judged = `SELECT *, ${as(conjunction(checks.filter(blocks)), '_ok')}, ${as(conjunction(checks.filter((check) => !blocks(check))), '_clean')} FROM (${withWidest(dataset, typedRows, sql)}) AS typed`;

  const failures = checks.map((check, number) => `CASE WHEN NOT (${check.passes}) THEN '${number}' END`);
  const failed =
    failures.length === 0
      ? `CAST(NULL AS ${sql.type({ kind: 'text' })})`
      : `CASE WHEN _ok AND _clean THEN NULL ELSE ${sql.joinPresent(failures)} END`;
  const shown = names((column) => (column.pii === undefined ? fieldName(column) : textName(column)));
  const more = [
    as(failed, '_failed'),
    as(`CASE WHEN _ok THEN NULL ELSE ${sql.array(shown)} END`, '_shown'),
    ...(dataset.raw ? [as(sql.array(shown), '_text')] : []),
    ...validity(dataset, sql),
    ...widening(dataset, sql),
  ];
  return `SELECT ${names(own).join(', ')}, _file, _ok, ${more.join(', ')} FROM (${judged}) AS judged`;
}

/** Name of the column that says whether a row passes the test of the batch check with this number. */
export const validName = (number: number): string => `_valid_${number}`;

const validity = (dataset: Dataset, sql: ValueDialect): readonly string[] =>
  dataset.batchChecks.flatMap(({ measure }, number) => {
    if (measure.kind !== 'invalid') return [];
    const column = columnOf(dataset, measure.column);
    const passed = listed(measure.test, column, sql) ?? passes(measure.test, column, sql);
    return [`(${passed}) AS ${sql.ident(validName(number))}`];
  });

/** Name of the column that says which wider type of a column a refused row needs. */
export const widerName = (column: string): string => `_wider_${column}`;

/** The first of the column's wider types that holds the value, from 1; null where its own does, or the row would be refused in the widest, too. */
function widening(dataset: Dataset, sql: ValueDialect): readonly string[] {
  return Object.entries(widenable(dataset)).map(([name, types]) => {
    const text = sql.ident(textName({ name }));
    const fits = types.map((type, index) => `WHEN ${typed(type, text, sql)} IS NOT NULL THEN ${index + 1}`);
    return `CASE WHEN NOT _good_if_wider OR ${text} IS NULL OR ${sql.ident(name)} IS NOT NULL THEN NULL ${fits.join(' ')} END AS ${sql.ident(widerName(name))}`;
  });
}

/**
 * Typed rows with `_good_if_wider`: a value does not fit its column, and in the widest types the row passes every check that refuses rows. A
 * check can't be asked about a value that its column does not hold: there it is null.
 */
function withWidest(dataset: Dataset, typedRows: string, sql: ValueDialect): string {
  const widest = Object.entries(widenable(dataset)).map(([column, types]) => ({
    column,
    type: types.at(-1),
  }));
  if (widest.length === 0) return typedRows;
  const types = new Map(widest.map(({ column, type }) => [column, type]));
  const columns = dataset.columns.map((column) => ({
    ...column,
    type: types.get(column.name) ?? column.type,
  }));
  const checks = rowChecks({ ...dataset, columns }, sql).filter(blocks);
  const own = (column: string) => sql.ident(`_own_${column}`);
  const kept = widest.map(({ column }) => `${sql.ident(column)} AS ${own(column)}`);
  const wide = columns
    .filter(({ name }) => types.has(name))
    .map(({ name, type }) => {
      const value = sql.tryCast(sql.ident(name), sqlType(type));
      return `COALESCE(${value}, ${typed(type, sql.ident(textName({ name })), sql)}) AS ${sql.ident(name)}`;
    });
  const inWidest = `SELECT * REPLACE (${wide.join(', ')}), ${kept.join(', ')} FROM (${typedRows}) AS own`;
  const helps = widest.map(({ column }) => `(${own(column)} IS NULL AND ${sql.ident(column)} IS NOT NULL)`);
  const back = widest.map(({ column }) => `${own(column)} AS ${sql.ident(column)}`);
  return (
    `SELECT * REPLACE (${back.join(', ')}), CASE WHEN ${helps.join(' OR ')} THEN ${conjunction(checks)} ELSE FALSE END AS _good_if_wider ` +
    `FROM (${inWidest}) AS widest`
  );
}

const conjunction = (checks: readonly CompiledCheck[]): string =>
  checks.map((check) => `(${check.passes})`).join(' AND ') || 'TRUE';

/** What a batch holds are values, not how they were written: `1` and `1.00` are one number. Undefined where text is compared. */
function listed(test: RowTest, column: Column, sql: ValueDialect): string | undefined {
  if (test.kind !== 'allowed' && test.kind !== 'forbidden') return undefined;
  if (sqlType(column.type).kind === 'text') return undefined;
  // A contract writes numbers plainly, whatever its source does.
  const type = plainType(column.type);
  const values = test.values.map((value) => typed(type, sql.literal(value), sql)).join(', ');
  // A text of the list that is no value of the column equals none: null would leave the answer open.
  const isListed = `COALESCE(${sql.ident(column.name)} IN (${values}), FALSE)`;
  const passed = test.kind === 'allowed' ? isListed : `NOT ${isListed}`;
  return `(${sql.ident(column.name)} IS NULL OR ${passed})`;
}

/** A failed warning leaves the row in the batch; everything else takes it out. */
const blocks = (check: CompiledCheck): boolean => check.action !== 'warn';
