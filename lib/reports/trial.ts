import type { QueryEngine } from '../ports/query-engine.ts';
import type { Mart } from './marts.ts';
import { idOf, martTable, references } from './references.ts';
import { statementOf } from './views.ts';

export interface Trial {
  readonly mart: string;
  /** Rows that it has; undefined where it can't be asked. */
  readonly rows?: number;
  readonly problem?: string;
}

/**
 * Asks the statement of each mart, as it stands in sql/, of the tables of a stage; of marts that it reads too: their views in the stage are still those
 * of the last deploy. Only reads; what fails does not keep the rest from being tried.
 */
export async function tryMarts(engine: QueryEngine, marts: readonly Mart[]): Promise<readonly Trial[]> {
  const trials: Trial[] = [];
  for (const each of marts) {
    const mart = idOf(martTable(each));
    trials.push(
      await rowsOf(engine, each, marts).then(
        (rows) => ({ mart, rows }),
        (error: unknown) => ({ mart, problem: error instanceof Error ? error.message : String(error) }),
      ),
    );
  }
  return trials;
}

async function rowsOf(engine: QueryEngine, mart: Mart, marts: readonly Mart[]): Promise<number> {
  const read = references(mart.sql, marts).marts;
  const local = (each: Mart): string =>
    read.reduce((sql, other) => sql.replaceAll(...asLocal(other)), statementOf(each));
  // Line breaks before the brackets: a statement may end in a comment.
  const common = read.map((other) => `${localName(other)} AS (\n${local(other)}\n)`);
  const before = common.length === 0 ? '' : `WITH ${common.join(', ')} `;
  const { rows } = await engine.query(`${before}SELECT count(*) FROM (\n${local(mart)}\n) AS mart`);
  return Number(rows[0]?.[0]);
}

const localName = ({ domain, name }: Mart): string => `${domain}_marts__${name}`;

const asLocal = (mart: Mart): [RegExp, string] => [
  new RegExp(`\\b${mart.domain}_marts\\.${mart.name}\\b`, 'gi'),
  localName(mart),
];
