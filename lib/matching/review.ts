import { datasetId } from '../contract/dataset.ts';
import { type Entity, entityId } from '../contract/entity.ts';
import { TerminalError } from '../errors.ts';
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

/**
 * Pairs as the last run found them, with the decisions of now, the likeliest first, and behind them what was decided about records that this run did not
 * know; none where nothing was matched yet.
 */
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
  const found = rows.map(
    ([id, leftSource, leftId, rightSource, rightId, probability, evidence]): PairOfReview => {
      const decision = decisions.get(id ?? '');
      decisions.delete(id ?? '');
      return {
        id: id ?? '',
        state: decision?.state ?? 'open',
        left: { source: leftSource ?? '', id: leftId ?? '' },
        right: { source: rightSource ?? '', id: rightId ?? '' },
        probability: probability == null ? null : Number(probability),
        evidence: evidence ?? null,
        by: decision?.by ?? null,
      };
    },
  );
  const others = [...decisions].map(
    ([id, { at: _, ...decision }]): PairOfReview => ({ id, ...decision, probability: null, evidence: null }),
  );
  return [...found, ...others];
}

/** A pair as runs name it: by the order of the sources, then of the ids. */
export function ordered(
  { sources }: Entity,
  one: RecordName,
  other: RecordName,
): { readonly left: RecordName; readonly right: RecordName } {
  const rank = ({ source }: RecordName) => sources.findIndex(({ dataset }) => datasetId(dataset) === source);
  // The order of DuckDB is that of the bytes.
  const order = rank(one) - rank(other) || Buffer.compare(Buffer.from(one.id), Buffer.from(other.id));
  return order <= 0 ? { left: one, right: other } : { left: other, right: one };
}

/** @throws TerminalError for a record that the last run did not know, or one that is named twice */
export async function requireRecords(
  engine: QueryEngine,
  entity: Entity,
  records: readonly RecordName[],
): Promise<void> {
  const { database, name } = matchTable(entity, 'xref');
  const { ident, literal } = duckDb;
  for (const { source, id } of records) {
    const { rows } = await engine.query(
      `SELECT source_id FROM ${ident(database)}.${ident(name)} WHERE source = ${literal(source)} AND source_id = ${literal(id)}`,
    );
    if (rows.length === 0)
      throw new TerminalError(
        `${entityId(entity)} has no record ${source}:${id}; ${database}.${name} lists them`,
        {
          fault: 'source',
        },
      );
  }
  const [first, ...others] = records.map(({ source, id }) => `${source}:${id}`);
  if (others.includes(first ?? ''))
    throw new TerminalError(`${first} is named twice; allowed: two records`, { fault: 'source' });
}
