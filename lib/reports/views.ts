import type { Mart } from './marts.ts';
import { idOf, martTable, references } from './references.ts';

/** A statement of Athena's that makes a view, and the view's name. */
export interface View {
  readonly name: string;
  readonly statement: string;
}

/** A stage keeps its ledger in DynamoDB: marts that read it have no view in Athena. */
const LEDGER = 'headgate';

/**
 * A view for each mart that reads tables, each after those that it reads; none for those that read a table of `absent` (`database.name`).
 * @throws TerminalError where marts read each other in a circle
 */
export function viewsOf(marts: readonly Mart[], absent: readonly string[] = []): readonly View[] {
  const ordered = new Map<string, Mart>();
  for (const mart of marts) {
    const read = references(mart.sql, marts);
    if (read.tables.some((table) => table.database === LEDGER || absent.includes(idOf(table)))) continue;
    for (const each of [...read.marts, mart]) ordered.set(idOf(martTable(each)), each);
  }
  return [...ordered].map(([name, mart]) => {
    const { database } = martTable(mart);
    return {
      name,
      statement: `CREATE OR REPLACE VIEW "${database}"."${mart.name}" AS\n${statementOf(mart)}`,
    };
  });
}

/** Athena takes one statement, without a semicolon at its end. */
const statementOf = ({ sql }: Mart): string => sql.trim().replace(/;$/, '');
