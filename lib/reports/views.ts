import type { Mart } from './marts.ts';
import { idOf, martTable, references } from './references.ts';

/** A statement of Athena's that makes a view, and the view's name. */
export interface View {
  readonly name: string;
  readonly statement: string;
}

/** A view for each mart, each after those that it reads. @throws TerminalError where marts read each other in a circle */
export function viewsOf(marts: readonly Mart[]): readonly View[] {
  const ordered = new Map<string, Mart>();
  for (const mart of marts) {
    const read = references(mart.sql, marts);
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
export const statementOf = ({ sql }: Mart): string => sql.trim().replace(/;$/, '');
