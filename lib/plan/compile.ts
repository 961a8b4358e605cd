import { type Dataset, datasetId } from '../contract/dataset.ts';
import { isTokenized, PII_SECRET } from '../privacy/protection.ts';
import { type CompiledCheck, rowChecks } from './checks.ts';
import type { Dialect } from './dialect.ts';
import { batchMeasures, fileMeasures } from './measures.ts';
import { type OutputContext, outputs, partitionsOf, reasonSteps, tokenSteps } from './outputs.ts';
import { PLAN_VERSION, type Plan, type PlanInput, type PlanStep, type PlanTarget } from './plan.ts';
import { stageStatement } from './stage.ts';
import { againstTable, batchLosers, newestFilePerPartition, uniqueViolations } from './winners.ts';

export interface Batch {
  readonly runId: string;
  /** In the order of their file ids. */
  readonly inputs: readonly PlanInput[];
  /** State of the curated table; left out while the table does not exist. */
  readonly target?: PlanTarget;
  /** Columns of the tables with their field ids. @default those of new tables */
  readonly schemas?: OutputContext['schemas'];
  /** Addresses of the files of the vault table. */
  readonly vaultFiles: readonly string[];
}

/** Contract + batch + table state to the whole work of a run. Decides without I/O; the same input gives the same plan. */
export function compile(dataset: Dataset, batch: Batch, sql: Dialect): Plan {
  const unique = uniqueSets(dataset);
  const listed = rowChecks(dataset, sql);
  const checks: readonly CompiledCheck[] = [...listed, ...unique.map(uniqueCheck)];
  const hasTarget = batch.target !== undefined && batch.target.files.length > 0;
  const violations = unique.length > 0;
  const merges = dataset.dedupe !== undefined && hasTarget && !replacesWhole(dataset);
  const replaces = replacesWhole(dataset);
  const numbered = unique.map((columns, index) => ({ columns, number: listed.length + index }));
  const context: OutputContext = {
    dataset,
    runId: batch.runId,
    sql,
    schemas: batch.schemas ?? {},
    rewrites: merges,
    ...(merges ? { removes: 'SELECT DISTINCT _path AS path FROM replaced' } : {}),
    ...(replaces ? { removes: 'SELECT path FROM replaced_files' } : {}),
  };
  const partitions =
    dataset.writeMode === 'replace' ? [] : partitionsOf(dataset, sql).map((field) => field.expression);
  return {
    version: PLAN_VERSION,
    runId: batch.runId,
    dataset: datasetId(dataset),
    contractVersion: dataset.contract.version,
    engine: 'duckdb',
    inputs: batch.inputs,
    ...(batch.target === undefined ? {} : { target: batch.target }),
    vaultFiles: batch.vaultFiles,
    stage: stageStatement(dataset, listed, dataset.raw, sql),
    steps: [
      ...(dataset.dedupe === undefined ? [] : batchLosers(dataset.dedupe, sql)),
      ...(dataset.dedupe !== undefined && merges ? againstTable(dataset.dedupe, sql) : []),
      ...(replaces ? newestFilePerPartition(partitions, sql) : []),
      ...(violations ? uniqueViolations(dataset, numbered, hasTarget && !replaces, sql) : []),
      excluded({ deduplicates: dataset.dedupe !== undefined, merges, replaces, violations }),
      ...reasonSteps(checks, violations, sql),
      ...tokenSteps(context),
    ],
    outputs: outputs(context),
    measures: [
      ...fileMeasures(dataset, violations, sql),
      ...(merges ? [{ name: 'kept', sql: KEPT }] : []),
      ...batchMeasures(dataset, sql),
    ],
    checks: checks.map(({ passes: _passes, ...check }) => check),
    secrets: dataset.columns.some(isTokenized) ? [PII_SECRET] : [],
  };
}

const KEPT =
  'SELECT NULL AS _file, count(*) AS value FROM target AS t WHERE EXISTS (SELECT 1 FROM replaced AS r WHERE r._path = t._path) ' +
  'AND NOT EXISTS (SELECT 1 FROM replaced AS r WHERE r._path = t._path AND r._position = t._position)';

const replacesWhole = (dataset: Dataset): boolean =>
  dataset.writeMode === 'replacePartitions' || dataset.writeMode === 'replace';

/** Columns that must not repeat: unique ones, and the primary key where no dedupe settles it. */
export function uniqueSets(dataset: Dataset): readonly (readonly string[])[] {
  const key = dataset.columns
    .flatMap((column) =>
      column.primaryKey === undefined ? [] : [{ name: column.name, position: column.primaryKey }],
    )
    .sort((a, b) => a.position - b.position)
    .map((column) => column.name);
  const settled = dataset.dedupe?.keys.join() ?? '';
  return [key, ...dataset.columns.filter((column) => column.unique).map((column) => [column.name])].filter(
    (columns, index, all) =>
      columns.length > 0 &&
      columns.join() !== settled &&
      all.findIndex((other) => other.join() === columns.join()) === index,
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
}

/** `excluded` (`_id`, `_file`, `why`): rows that passed their own checks and are not published all the same, each once. */
function excluded({ deduplicates, merges, replaces, violations }: Exclusions): PlanStep {
  const selects = [
    ...(violations ? ["SELECT _id, _file, 'violation' AS why, 0 AS rank FROM violations"] : []),
    ...(replaces ? ["SELECT _id, _file, 'superseded' AS why, 1 AS rank FROM superseded"] : []),
    ...(deduplicates ? ["SELECT _id, _file, 'duplicate' AS why, 2 AS rank FROM batch_losers"] : []),
    ...(merges ? ["SELECT _id, _file, 'superseded' AS why, 3 AS rank FROM table_losers"] : []),
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
