import type { Entity } from '../contract/entity.ts';
import { duckDb } from '../plan/dialects/duckdb.ts';
import type { Ledger } from '../ports/ledger.ts';
import type { QueryEngine } from '../ports/query-engine.ts';
import { type Decision, decisionsOf, type RecordName, reviewId } from './decisions.ts';
import { lastRun } from './run.ts';
import { matchTable } from './tables.ts';

export interface PairOfReview {
  readonly id: string;
  readonly state: 'open' | Decision['state'];
  readonly left: RecordName;
  readonly right: RecordName;
  /** Null where Splink no longer finds the two alike. */
  readonly probability: number | null;
  readonly evidence: string | null;
  readonly by: string | null;
}

/** Pairs as the last run found them, with the decisions of now, the likeliest first; none where nothing was matched yet. */
export async function reviewPairs(
  { ledger }: { readonly ledger: Ledger },
  entity: Entity,
  engine: QueryEngine,
): Promise<readonly PairOfReview[]> {
  const run = await lastRun({ ledger }, entity);
  if (run === undefined) return [];
  const { database, name } = matchTable(entity, 'review');
  const { ident } = duckDb;
  const { rows } = await engine.query(
    `SELECT review_id, left_source, left_id, right_source, right_id, match_probability, evidence FROM ${ident(database)}.${ident(name)} ORDER BY match_probability DESC NULLS LAST, review_id`,
  );
  const decisions = new Map((await decisionsOf(ledger, entity)).map((each) => [reviewId(each), each]));
  return rows.map(([id, leftSource, leftId, rightSource, rightId, probability, evidence]) => {
    const decision = decisions.get(id ?? '');
    return {
      id: id ?? '',
      state: decision?.state ?? 'open',
      left: { source: leftSource ?? '', id: leftId ?? '' },
      right: { source: rightSource ?? '', id: rightId ?? '' },
      probability: probability == null ? null : Number(probability),
      evidence: evidence ?? null,
      by: decision?.by ?? null,
    };
  });
}
