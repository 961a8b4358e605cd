import { TerminalError } from '../errors.ts';
import type { Dialect } from './dialect.ts';

/** A contract's query over a relation: ODCS rules name the table by a placeholder. */
export const overTable = (query: string, relation: string): string =>
  query.replaceAll(/\$\{table\}|\{table\}|\{object\}/g, relation);

/** Functions that give the same on both engines for the same typed values; a test executes each of them on both. */
export const PORTABLE_FUNCTIONS = [
  'abs', 'coalesce', 'count', 'greatest', 'least', 'length', 'max', 'min', 'month', 'nullif', 'sum', 'year',
] as const; // biome-ignore format: a list to look things up in

const WORDS = new Set([
  'all', 'and', 'as', 'between', 'by', 'case', 'distinct', 'else', 'end', 'except', 'exists', 'false', 'from', 'group', 'having', 'in', 'inner', 'intersect', 'is',
  'join', 'left', 'not', 'null', 'on', 'or', 'select', 'then', 'true', 'union', 'using', 'when', 'where', 'date', 'timestamp',
]); // biome-ignore format: a list to look things up in

/** Words that would pass for names and are none. */
const OTHERS = new Set([
  'any', 'anti', 'asof', 'cast', 'collate', 'cross', 'escape', 'filter', 'full', 'ilike', 'interval', 'lateral', 'like', 'limit', 'natural', 'offset', 'order', 'over', 'partition',
  'qualify', 'right', 'semi', 'similar', 'some', 'window', 'with',
]); // biome-ignore format: a list to look things up in

const TOKENS =
  /(?<blank>\s+|--[^\n]*)|(?<text>'(?:[^']|'')*')|(?<quoted>"(?:[^"]|"")*")|(?<number>\d+(?:\.\d+)?(?![\w.]))|(?<word>[A-Za-z_]\w*)|(?<sign><=|>=|<>|!=|[-+*=<>(),.])|(?<other>.)/gsu;

/**
 * A query in the common subset of both engines, each token written anew. What is not known to mean the same is an error: a check
 * that counts other rows on the large engine would be worse than one that can't run there.
 * @throws TerminalError that names the token
 */
export function portable(query: string, { ident, literal }: Pick<Dialect, 'ident' | 'literal'>): string {
  const functions: readonly string[] = PORTABLE_FUNCTIONS;
  const tokens = [...query.matchAll(TOKENS)];
  return tokens
    .map(({ 0: token, groups = {} }, index) => {
      if (groups.blank !== undefined) return ' ';
      if (groups.text !== undefined) return literal(token.slice(1, -1).replaceAll("''", "'"));
      if (groups.quoted !== undefined) return ident(token.slice(1, -1).replaceAll('""', '"'));
      if (groups.number !== undefined || groups.sign !== undefined) return token;
      if (groups.word === undefined) throw refused(token);
      const word = token.toLowerCase();
      const next = tokens.slice(index + 1).find((each) => each.groups?.blank === undefined)?.[0];
      if (OTHERS.has(word)) throw refused(word);
      if (WORDS.has(word)) return token;
      if (next === '(' && !functions.includes(word)) throw refused(`${word}()`);
      return next === '(' ? token : ident(token);
    })
    .join('');
}

const refused = (construct: string): TerminalError =>
  new TerminalError(
    `${construct} in a batch query is not known to mean the same on Spark; allowed: comparisons, + - *, CASE, joins, ${PORTABLE_FUNCTIONS.join(', ')}; or engine: duckdb`,
    { fault: 'contract', facts: { construct } },
  );
