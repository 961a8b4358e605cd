import type { QueryEngine } from '../ports/query-engine.ts';
import type { Mart } from './marts.ts';

export interface Trial {
  readonly mart: string;
  /** Rows that it has; undefined where it can't be asked. */
  readonly rows?: number;
  readonly problem?: string;
}

/** Asks the statement of each mart, as it stands in sql/, of the tables of a stage. Only reads; what fails does not keep the rest from being tried. */
export async function tryMarts(engine: QueryEngine, marts: readonly Mart[]): Promise<readonly Trial[]> {
  const trials: Trial[] = [];
  for (const { domain, name, sql } of marts) {
    const mart = `${domain}_marts.${name}`;
    // A line break before the bracket: the statement may end in a comment.
    const counted = `SELECT count(*) FROM (\n${sql.trim().replace(/;$/, '')}\n) AS mart`;
    trials.push(
      await engine.query(counted).then(
        ({ rows }) => ({ mart, rows: Number(rows[0]?.[0]) }),
        (error: unknown) => ({ mart, problem: error instanceof Error ? error.message : String(error) }),
      ),
    );
  }
  return trials;
}
