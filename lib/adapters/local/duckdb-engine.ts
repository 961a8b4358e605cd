import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { TerminalError } from '../../errors.ts';
import { duckDb, fileList } from '../../plan/dialects/duckdb.ts';
import { targetRows } from '../../plan/parquet-copy.ts';
import {
  type OutputResult,
  PLAN_VERSION,
  type Plan,
  type PlanOutput,
  type RunResult,
  readsTarget,
} from '../../plan/plan.ts';
import { prepare, type Rewrite } from '../../plan/prepare.ts';
import {
  fileTallies,
  type Loss,
  lossesByWinner,
  type MeasuredRow,
  withRemovals,
} from '../../plan/tallies.ts';
import type { Engine } from '../../ports/engine.ts';
import type { ObjectStore } from '../../ports/object-store.ts';
import type { Secrets } from '../../ports/secrets.ts';
import { hmacPads } from '../../privacy/pads.ts';
import { diskError } from './disk-error.ts';
import { type Session, type SessionOptions, withDuckDb } from './duckdb-session.ts';
import { stage } from './duckdb-stage.ts';
import { writeParquet } from './parquet-output.ts';

const { literal } = duckDb;

export interface DuckDbEngineOptions extends Omit<SessionOptions, 'scratch'> {
  readonly raw: ObjectStore;
  readonly stores: { readonly lake: ObjectStore; readonly vault: ObjectStore };
  readonly secrets: Secrets;
  /** Folder under which each dataset has a folder of its own while a run of it executes. */
  readonly scratch: string;
}

/** Executes plans in this process. Reads and writes local paths: the roots of the stores are folders. */
export const duckDbEngine = (options: DuckDbEngineOptions): Engine => ({
  async execute(plan) {
    if (plan.version !== PLAN_VERSION) {
      throw new TerminalError(
        `plan ${plan.runId} has version ${plan.version}; this engine executes version ${PLAN_VERSION}`,
        {
          fault: 'headgate',
        },
      );
    }
    if (plan.engine !== 'duckdb') {
      throw new TerminalError(
        `plan ${plan.runId} is for engine ${plan.engine}, which does not run here; let the contract of ${plan.dataset} say engine: auto or duckdb`,
        { fault: 'contract' },
      );
    }
    // The dataset's lock is held: what else stands in its folder was left by runs that died, personal data in clear with it.
    const scratch = join(options.scratch, plan.dataset);
    try {
      return await withDuckDb({ ...options, scratch }, (db) =>
        executePlan(db, plan, { ...options, scratch }),
      );
    } catch (error) {
      throw diskError(error, `the work of ${plan.dataset}`);
    }
  },
});

/**
 * Rows are joined to files, reasons and tokens, which are never more than rows. DuckDB takes every filter for one that leaves a fifth of them, and by that
 * would turn the join round: all rows in a hash table, 1.0 seconds instead of 0.65 of 100 MB. Only the vault's known tokens may be more than the new ones.
 */
const STREAM_ROWS = 'build_side_probe_side';

async function executePlan(db: Session, plan: Plan, options: DuckDbEngineOptions): Promise<RunResult> {
  const seconds: Record<string, number> = {};
  const timed = async <T>(name: string, work: () => Promise<T>): Promise<T> => {
    const start = performance.now();
    const result = await work();
    seconds[name] = Math.round(performance.now() - start) / 1000;
    return result;
  };
  await bindSecrets(db, plan, options.secrets);
  const { inputs, rejects } = await timed('prepare', () =>
    prepare(plan.inputs, options.raw, rewriteTo(options.scratch)),
  );
  await timed('stage', () => stage(db, plan, inputs, { scratch: options.scratch, known: rejects }));
  const outputs: OutputResult[] = [];
  const own = [...(plan.target?.files.map(({ path }) => path) ?? []), ...plan.vaultFiles];
  const rows = await db.blaming(own, async () => {
    await timed('steps', () => takeSteps(db, plan));
    await db.run('SET preserve_insertion_order = false');
    for (const output of plan.outputs) {
      await db.run(`SET disabled_optimizers = ${literal(output.name === 'vault' ? '' : STREAM_ROWS)}`);
      outputs.push(await timed(`write ${output.name}`, () => write(db, output, options)));
    }
    return timed('measure', () => measure(db, plan));
  });
  return {
    runId: plan.runId,
    engine: 'duckdb',
    outputs: withRemovals(outputs, rows),
    losses: await timed('losses', () => losses(db, plan)),
    seconds,
    ...fileTallies(plan, rows),
  };
}

/** The padded keys are bound as variables: they stand in no statement and no plan. */
async function bindSecrets(db: Session, plan: Plan, secrets: Secrets): Promise<void> {
  for (const name of plan.secrets) {
    const { inner, outer } = hmacPads(await secrets.read(name));
    await db.run(`SET VARIABLE ${name}_inner = unhex(${literal(inner)})`);
    await db.run(`SET VARIABLE ${name}_outer = unhex(${literal(outer)})`);
  }
}

/** What reading a file needs: where its bytes are, and a folder for those that are rewritten first. */
export type ReadOptions = Pick<DuckDbEngineOptions, 'raw' | 'scratch'>;

/** Rewritten inputs become files of the run's scratch folder. */
export const rewriteTo =
  (scratch: string): Rewrite =>
  async (name, body) => {
    const folder = join(scratch, 'rewritten');
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const path = join(folder, name);
    await pipeline(Readable.from(body), createWriteStream(path, { mode: 0o600 }));
    return path;
  };

async function takeSteps(db: Session, plan: Plan): Promise<void> {
  await makeTargets(db, plan);
  await db.run(
    plan.vaultFiles.length === 0
      ? 'CREATE VIEW vault_known AS SELECT CAST(NULL AS VARCHAR) AS token WHERE FALSE'
      : `CREATE VIEW vault_known AS SELECT token FROM read_parquet(${fileList(plan.vaultFiles)}, hive_partitioning = false)`,
  );
  for (const step of plan.steps) await db.run(`CREATE TABLE ${step.name} AS ${step.sql}`);
  await db.run(
    'CREATE VIEW published AS SELECT * FROM staged AS s WHERE s._ok AND s._id NOT IN (SELECT _id FROM excluded)',
  );
}

/** The tables as they stand, without the rows of withdrawn files. */
async function makeTargets(db: Session, plan: Plan): Promise<void> {
  const { target, sides, withdraws, outputs } = plan;
  await db.run(
    `CREATE TABLE withdrawn_ids AS ${values(
      ['file_id'],
      withdraws.map((id) => [id]),
    )}`,
  );
  await db.run('CREATE TABLE withdrawn_paths (output VARCHAR, path VARCHAR, rows BIGINT)');
  const withdrawn = 'IN (SELECT file_id FROM withdrawn_ids)';
  for (const [output, view, table] of [
    ['curated', 'target', target],
    ['quarantine', 'target_quarantine', sides.quarantine],
    ['raw', 'target_raw', sides.raw],
    ['earlier', 'target_earlier', sides.earlier],
  ] as const) {
    if (table === undefined || table.files.length === 0) continue;
    if (output === 'curated' && !readsTarget(plan)) continue;
    const rows = targetRows(table);
    if (output === 'curated' && plan.keepsWithdrawn) {
      await db.run(`CREATE VIEW target AS ${rows}`);
      continue;
    }
    await db.run(
      `CREATE VIEW ${view} AS ${withdraws.length === 0 ? rows : `SELECT * FROM (${rows}) AS t WHERE _source_file NOT ${withdrawn}`}`,
    );
    if (withdraws.length === 0) continue;
    await db.run(
      `CREATE VIEW ${view}_withdrawn AS SELECT * FROM (${rows}) AS t WHERE _source_file ${withdrawn}`,
    );
    await db.run(
      `INSERT INTO withdrawn_paths SELECT ${literal(output)}, _path, count(*) FROM ${view}_withdrawn GROUP BY _path`,
    );
  }
  if (target === undefined) return;
  const partitions = outputs.find(({ name }) => name === 'curated')?.partitionBy.length ?? 0;
  const names = ['path', ...Array.from({ length: partitions }, (_, index) => `p${index}`), 'newest'];
  const files = values(
    names,
    target.files.map(({ path, partition, newest }) => [path, ...partition, newest]),
  );
  await db.run(
    `CREATE TABLE target_files AS SELECT * FROM (${files}) AS t WHERE path NOT IN (SELECT path FROM withdrawn_paths)`,
  );
}

/** Select of rows of texts. */
function values(names: readonly string[], rows: readonly (readonly (string | null)[])[]): string {
  if (rows.length === 0)
    return `SELECT ${names.map((name) => `CAST(NULL AS VARCHAR) AS ${name}`).join(', ')} WHERE FALSE`;
  const texts = rows.map(
    (row) => `(${row.map((text) => (text === null ? 'CAST(NULL AS VARCHAR)' : literal(text))).join(', ')})`,
  );
  return `SELECT * FROM (VALUES ${texts.join(', ')}) AS v(${names.join(', ')})`;
}

async function write(
  db: Session,
  output: PlanOutput,
  { stores }: DuckDbEngineOptions,
): Promise<OutputResult> {
  const files = await writeParquet(db.connection, {
    query: output.sql,
    schema: output.schema,
    partitionBy: output.partitionBy,
    directory: join(stores[output.store].root, output.prefix),
    classified: output.classified,
  });
  const removes = output.removes === undefined ? [] : await db.rows<{ path: string }>(output.removes);
  return { name: output.name, files, removes: removes.map(({ path }) => path), kept: 0, lost: 0, derived: 0 };
}

async function measure(db: Session, plan: Plan): Promise<readonly MeasuredRow[]> {
  const rows: MeasuredRow[] = [];
  for (const { name, sql } of plan.measures) {
    for (const row of await db.rows<Omit<MeasuredRow, 'name'>>(sql)) rows.push({ name, ...row });
  }
  return rows;
}

const losses = async (db: Session, plan: Plan): Promise<RunResult['losses']> =>
  plan.losses === undefined ? {} : lossesByWinner(await db.rows<Loss>(plan.losses));
