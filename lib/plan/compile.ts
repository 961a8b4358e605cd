import { type Dataset, datasetId, replacesWhole } from '../contract/dataset.ts';
import { widenable } from '../contract/widening.ts';
import { isTokenized, PII_SECRET } from '../privacy/protection.ts';
import { type CompiledCheck, rowChecks } from './checks.ts';
import type { Dialect } from './dialect.ts';
import { duckDb } from './dialects/duckdb.ts';
import { historyOf } from './history.ts';
import { batchMeasures, fileMeasures } from './measures.ts';
import {
  loserStep,
  type OutputContext,
  outputs,
  partitionsOf,
  reasonSteps,
  removalMeasures,
  tokenSteps,
  withdrawnPaths,
} from './outputs.ts';
import { PLAN_VERSION, type Plan, type PlanInput, type PlanStep, type PlanTarget } from './plan.ts';
import { stageStatement } from './stage.ts';
import { againstTable, batchLosers, lossesOf, newestFilePerPartition, uniqueViolations } from './winners.ts';

export interface Batch {
  readonly runId: string;
  /** In the order of their file ids. */
  readonly inputs: readonly PlanInput[];
  /** State of the curated table; left out while the table does not exist. */
  readonly target?: PlanTarget;
  /** Files whose rows leave the tables, and the tables' files that may hold such rows. */
  readonly withdraws?: readonly string[];
  readonly sides?: Plan['sides'];
  /** By withdrawn file: the file that takes its place. @default none: they are loaded again themselves */
  readonly successors?: OutputContext['successors'];
  /** Columns of the tables with their field ids. @default those of new tables */
  readonly schemas?: OutputContext['schemas'];
  /** Members of file sets, where sets replace each other: the file whose id stands for all of the set. @default none */
  readonly ages?: ReadonlyMap<string, string>;
  /** Addresses of the files of the vault table. */
  readonly vaultFiles: readonly string[];
}

/** Contract + batch + table state to the whole work of a run. Decides without I/O; the same input gives the same plan. */
export function compile(dataset: Dataset, batch: Batch, sql: Dialect): Plan {
  const unique = uniqueSets(dataset);
  const listed = rowChecks(dataset, duckDb);
  const checks: readonly CompiledCheck[] = [...listed, ...unique.map(uniqueCheck)];
  const { withdraws = [], sides = {} } = batch;
  const hasTarget = batch.target !== undefined && batch.target.files.length > 0;
  const violations = unique.length > 0;
  const merges = dataset.dedupe !== undefined && hasTarget && !replacesWhole(dataset);
  const replaces = replacesWhole(dataset);
  const numbered = unique.map((columns, index) => ({ columns, number: listed.length + index }));
  const plain: OutputContext = {
    dataset,
    runId: batch.runId,
    sql,
    schemas: batch.schemas ?? {},
    sides,
    successors: batch.successors ?? {},
    withdraws: withdraws.length > 0,
    replaced: [
      ...(merges ? ['SELECT _path AS path FROM replaced'] : []),
      ...(replaces ? ['SELECT path FROM replaced_files'] : []),
      ...(withdraws.length > 0 && dataset.history === undefined ? [withdrawnPaths('curated')] : []),
    ],
    rewrites: !replaces && hasTarget,
    violations,
    merges,
  };
  const partitions =
    dataset.writeMode === 'replace' ? [] : partitionsOf(dataset, sql).map((field) => field.expression);
  const field = replaces ? 'file' : 'table';
  const history = dataset.history === undefined ? undefined : historyOf(plain);
  const context: OutputContext = history === undefined ? plain : { ...plain, history: history.rows };
  const tokens = tokenSteps(context);
  const dedupe = history === undefined ? dataset.dedupe : undefined;
  const steps = [
    ...(replaces ? newestFilePerPartition(partitions, batch.ages ?? new Map(), sql) : []),
    ...(dedupe === undefined ? [] : batchLosers(dedupe, field, sql)),
    ...(dedupe !== undefined && merges ? againstTable(dedupe, sql) : []),
    ...(dataset.earlier ? [loserStep(merges)] : []),
    ...(history === undefined ? [] : [...tokens, ...history.steps]),
    ...(violations ? uniqueViolations(numbered, { field, hasTarget }, sql) : []),
  ];
  return {
    version: PLAN_VERSION,
    runId: batch.runId,
    dataset: datasetId(dataset),
    contractVersion: dataset.contract.version,
    judgedBy: dataset.contract.fingerprint,
    engine: sql.name,
    inputs: batch.inputs,
    ...(batch.target === undefined ? {} : { target: batch.target }),
    withdraws,
    sides,
    ...(history === undefined ? {} : { keepsWithdrawn: true as const }),
    vaultFiles: batch.vaultFiles,
    stage: stageStatement(dataset, listed, duckDb),
    steps: [
      ...steps,
      excluded({
        deduplicates: dedupe !== undefined,
        merges: dedupe !== undefined && merges,
        replaces,
        violations,
        history: history !== undefined,
      }),
      ...reasonSteps(checks, violations, sql),
      ...(history === undefined ? tokens : []),
    ],
    outputs: outputs(context),
    measures: [
      ...fileMeasures(dataset, violations, sql),
      ...removalMeasures(context),
      ...batchMeasures(dataset, sql),
    ],
    ...lossesOf(steps),
    checks: checks.map(({ passes: _passes, ...check }) => check),
    ...(dataset.drift.retyped === 'evolve' ? { widenable: widenable(dataset) } : {}),
    secrets: dataset.columns.some(isTokenized) ? [PII_SECRET] : [],
  };
}

/** Columns that must not repeat: unique ones and the primary key. With dedupe the key settles it, and a contract asks for nothing else. */
export function uniqueSets(dataset: Dataset): readonly (readonly string[])[] {
  const key = dataset.columns
    .flatMap((column) =>
      column.primaryKey === undefined ? [] : [{ name: column.name, position: column.primaryKey }],
    )
    .sort((a, b) => a.position - b.position)
    .map((column) => column.name);
  if (dataset.dedupe !== undefined) return [];
  return [key, ...dataset.columns.filter((column) => column.unique).map((column) => [column.name])].filter(
    (columns, index, all) =>
      columns.length > 0 && all.findIndex((other) => other.join() === columns.join()) === index,
  );
}

const uniqueCheck = (columns: readonly string[]): CompiledCheck => ({
  key: `${columns.join('+')}.unique`,
  code: 'row.duplicate_key',
  column: columns.join('+'),
  action: 'quarantine',
  passes: 'TRUE',
});

interface Exclusions {
  readonly deduplicates: boolean;
  readonly merges: boolean;
  readonly replaces: boolean;
  readonly violations: boolean;
  readonly history: boolean;
}

/** `excluded` (`_id`, `_file`, `why`): rows that passed their own checks and are not published all the same, each once. */
function excluded({ deduplicates, merges, replaces, violations, history }: Exclusions): PlanStep {
  const selects = [
    ...(violations ? ["SELECT _id, _file, 'violation' AS why, 0 AS rank FROM violations"] : []),
    ...(replaces ? ["SELECT _id, _file, 'superseded' AS why, 1 AS rank FROM superseded"] : []),
    ...(deduplicates ? ["SELECT _id, _file, 'duplicate' AS why, 2 AS rank FROM batch_losers"] : []),
    ...(merges ? ["SELECT _id, _file, 'superseded' AS why, 3 AS rank FROM table_losers"] : []),
    ...(history
      ? [
          "SELECT _id, _file, CASE WHEN _rival_id IS NULL THEN 'superseded' ELSE 'duplicate' END AS why, 2 AS rank FROM rivals WHERE _id IS NOT NULL",
          "SELECT _id, _file, 'duplicate' AS why, 3 AS rank FROM versions WHERE _id IS NOT NULL AND _starts = 0",
        ]
      : []),
  ];
  const none = "SELECT _id, _file, '' AS why FROM staged WHERE FALSE";
  return {
    name: 'excluded',
    purpose: 'rows that passed their checks and are not published all the same',
    sql:
      selects.length === 0
        ? none
        : selects.length === 1
          ? `SELECT DISTINCT _id, _file, why FROM (${selects[0]}) AS one`
          : `SELECT _id, _file, why FROM (SELECT _id, _file, why, row_number() OVER (PARTITION BY _id ORDER BY rank) AS place FROM (${selects.join(' UNION ALL ')}) AS several) AS ranked WHERE place = 1`,
  };
}
