import type { Column, Dataset } from '../contract/dataset.ts';
import { type CompiledCheck, fieldName, textName } from './checks.ts';
import type { Dialect } from './dialect.ts';
import { cleaned, typed } from './typing.ts';

/**
 * Select over `records`, one pass: cleaned texts, then typed values, then checks. Good rows carry no text and no list of failures:
 * copying wide text between steps is what costs (DESIGN section 10).
 * Columns: every column typed, `_file`, `_ok`, `_failed` (check numbers, null when none failed), `_text` (all fields as they came;
 * null for good rows unless `keepText`).
 */
export function stageStatement(
  dataset: Dataset,
  checks: readonly CompiledCheck[],
  keepText: boolean,
  sql: Dialect,
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

  const conjunction = (blocking: boolean) =>
    checks
      .filter((check) => blocks(check) === blocking)
      .map((check) => `(${check.passes})`)
      .join(' AND ') || 'TRUE';
  const judged = `SELECT *, ${as(conjunction(true), '_ok')}, ${as(conjunction(false), '_clean')} FROM (${typedRows}) AS typed`;

  const failures = checks.map((check, number) => `CASE WHEN NOT (${check.passes}) THEN '${number}' END`);
  const failed =
    failures.length === 0
      ? `CAST(NULL AS ${sql.type({ kind: 'text' })})`
      : `CASE WHEN _ok AND _clean THEN NULL ELSE ${sql.joinPresent(failures)} END`;
  const original = sql.array(names(fieldName));
  const text = keepText ? original : `CASE WHEN _ok THEN NULL ELSE ${original} END`;
  return `SELECT ${names(own).join(', ')}, _file, _ok, ${as(failed, '_failed')}, ${as(text, '_text')} FROM (${judged}) AS judged`;
}

/** A failed warning leaves the row in the batch; everything else takes it out. */
const blocks = (check: CompiledCheck): boolean => check.action !== 'warn';
