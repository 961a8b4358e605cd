import { Dialect, generate, parse, transpile } from '@polyglot-sql/sdk';
import { TerminalError } from '../errors.ts';
import { withDuckDbDates } from './date-functions.ts';
import { withNulls } from './null-functions.ts';

/**
 * Functions whose translation from Athena's SQL to DuckDB's a test has executed. The library passes some others on wrongly without a
 * word (`to_hex(sha256(…))`, `at_timezone`, two-digit dates were seen), so what is not here is an error.
 */
export const TRANSLATED_FUNCTIONS = [
  'abs', 'approx_distinct', 'at_timezone', 'avg', 'bool_and', 'bool_or', 'cast', 'ceil', 'coalesce', 'concat', 'count', 'count_if', 'date', 'date_add', 'date_diff', 'date_format',
  'date_trunc', 'day', 'day_of_week', 'day_of_year', 'extract', 'floor', 'from_iso8601_date', 'greatest', 'hour', 'if', 'lag', 'last_day_of_month', 'least', 'length', 'lower',
  'max', 'max_by', 'min', 'min_by', 'minute', 'month', 'nullif', 'quarter', 'rank', 'regexp_like', 'replace', 'round', 'row_number', 'second', 'strpos', 'substr', 'sum',
  'trim', 'try_cast', 'upper', 'week', 'with_timezone', 'year',
] as const; // biome-ignore format: a list to look things up in

/** Words that stand before a parenthesis and are no functions. */
const KEYWORDS = [
  'all', 'and', 'any', 'as', 'between', 'by', 'case', 'decimal', 'distinct', 'else', 'except', 'exists', 'filter', 'from', 'group', 'having', 'in', 'intersect', 'is', 'join',
  'like', 'not', 'null', 'on', 'or', 'over', 'partition', 'select', 'then', 'timestamp', 'union', 'using', 'values', 'varchar', 'when', 'where', 'with',
]; // biome-ignore format: a list to look things up in

/** One statement of Athena's SQL in DuckDB's. @throws TerminalError that names the construct which can't be translated */
export function toDuckDb(sql: string): string {
  const bare = sql.replace(/--[^\n]*|\/\*[\s\S]*?\*\/|'(?:[^']|'')*'/g, ' ');
  const allowed: readonly string[] = TRANSLATED_FUNCTIONS;
  // `AS name (columns)` is no call; a quoted name before a parenthesis is one.
  const calls = bare.replace(/\bas\s+"?[A-Za-z_]\w*"?\s*\(/gi, ' (').matchAll(/([A-Za-z_]\w*)"?\s*\(/g);
  for (const [, word = ''] of calls) {
    const name = word.toLowerCase();
    if (!allowed.includes(name) && !KEYWORDS.includes(name)) {
      throw untranslatable(`function ${name}`, `allowed: ${TRANSLATED_FUNCTIONS.join(', ')}`);
    }
  }
  if (/\bat\s+time\s+zone\b/i.test(bare))
    throw untranslatable('AT TIME ZONE', 'store the local time in a column of the contract');
  // Athena ends one after ten rounds, DuckDB never.
  if (/\bwith\s+recursive\b/i.test(bare))
    throw untranslatable('WITH RECURSIVE', 'join a table with itself as often as is needed');
  const result = transpile(OTHERWISE.test(bare) ? rewritten(sql) : sql, Dialect.Athena, Dialect.DuckDB, {
    unsupportedLevel: 'raise',
  } as never);
  const [statement, ...others] = result.sql ?? [];
  if (!result.success || statement === undefined) {
    throw new TerminalError(
      `this is not SQL that Athena understands: ${String(result.error ?? '').split('\n')[0]}`,
      { fault: 'contract' },
    );
  }
  if (others.length > 0)
    throw new TerminalError('more than one statement; allowed: one', { fault: 'contract' });
  return statement;
}

/** What the library passes on, and DuckDB means otherwise. */
const OTHERWISE =
  /\b(?:date_add|date_diff|date_format|extract|at_timezone|with_timezone|greatest|least|concat)"?\s*\(|\bas\s+(?:decimal|varchar|char)\b/i;

/** What does not parse is left for the translation to complain about. */
function rewritten(sql: string): string {
  const { success, ast } = parse(sql, Dialect.Athena);
  if (!success) return sql;
  const written = generate(withDuckDbDates(withNulls(ast)), Dialect.Athena);
  return (written.sql ?? []).join('; ');
}

const untranslatable = (construct: string, advice: string): TerminalError =>
  new TerminalError(`${construct} can't be translated for the laptop; ${advice}`, {
    fault: 'contract',
    facts: { construct },
  });
