import { Dialect, parse } from '@polyglot-sql/sdk';
import { TerminalError } from '../errors.ts';
import type { TableName } from '../ports/catalog.ts';
import type { Mart } from './marts.ts';

/** What a statement reads, directly or through marts. */
export interface References {
  /** Each after those that it reads itself. */
  readonly marts: readonly Mart[];
  readonly tables: readonly TableName[];
}

/** @throws TerminalError where marts read each other in a circle */
export function references(sql: string, marts: readonly Mart[]): References {
  const known = new Map(marts.map((mart) => [idOf(martTable(mart)), mart]));
  const ordered = new Map<string, Mart>();
  const tables = new Map<string, TableName>();
  const follow = (text: string, path: readonly string[]): void => {
    for (const table of tablesIn(text)) {
      const id = idOf(table);
      const mart = known.get(id);
      if (mart === undefined) tables.set(id, table);
      else if (path.includes(id)) throw circle([...path.slice(path.indexOf(id)), id]);
      else if (!ordered.has(id)) {
        follow(mart.sql, [...path, id]);
        ordered.set(id, mart);
      }
    }
  };
  follow(sql, []);
  return { marts: [...ordered.values()], tables: [...tables.values()] };
}

export const martTable = ({ domain, name }: Pick<Mart, 'domain' | 'name'>): TableName => ({
  database: `${domain}_marts`,
  name,
});

export const idOf = ({ database, name }: TableName): string => `${database}.${name}`;

/**
 * Tables that a statement in Athena's SQL names with their database, in small letters as Athena compares them. A name without one is a
 * common table expression: there is no current database.
 */
export function tablesIn(sql: string): readonly TableName[] {
  const { success, ast, error } = parse(sql, Dialect.Athena);
  if (!success) {
    throw new TerminalError(
      `this is not SQL that Athena understands: ${String(error ?? '').split('\n')[0]}`,
      { fault: 'contract' },
    );
  }
  const found = new Map<string, TableName>();
  const visit = (node: unknown): void => {
    if (Array.isArray(node)) return node.forEach(visit);
    if (typeof node !== 'object' || node === null) return;
    const { table } = node as { readonly table?: TableNode | null };
    const database = table?.schema?.name?.toLowerCase();
    const name = table?.name?.name?.toLowerCase();
    if (database !== undefined && name !== undefined) found.set(idOf({ database, name }), { database, name });
    Object.values(node).forEach(visit);
  };
  visit(ast);
  return [...found.values()];
}

/** The part of the library's node that is read here. Nodes of columns have a `table` too, without `schema`. */
interface TableNode {
  readonly name?: { readonly name?: string };
  readonly schema?: { readonly name?: string } | null;
}

const circle = (path: readonly string[]): TerminalError =>
  new TerminalError(`marts read each other in a circle: ${path.join(' -> ')}; take one of them apart`, {
    fault: 'contract',
    facts: { marts: path },
  });
