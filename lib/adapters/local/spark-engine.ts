import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { TerminalError } from '../../errors.ts';
import { PLAN_VERSION, type Plan, type RunResult } from '../../plan/plan.ts';
import { prepare } from '../../plan/prepare.ts';
import { type SparkAnswer, sparkJob, sparkResult, TASK_BYTES } from '../../plan/spark-job.ts';
import type { Engine } from '../../ports/engine.ts';
import type { ObjectStore } from '../../ports/object-store.ts';
import type { Secrets } from '../../ports/secrets.ts';
import { hmacPads } from '../../privacy/pads.ts';
import { diskError } from './disk-error.ts';
import { rewriteTo } from './duckdb-engine.ts';
import { duckDbVersion } from './duckdb-session.ts';

export interface SparkEngineOptions {
  readonly raw: ObjectStore;
  readonly stores: { readonly lake: ObjectStore; readonly vault: ObjectStore };
  readonly secrets: Secrets;
  /** Folder under which each dataset has a folder of its own while a run of it executes. */
  readonly scratch: string;
  readonly launch: SparkLauncher;
  /** @default a share of the batch for each core, at least 4 and at most 128 MiB */
  readonly taskBytes?: number;
}

/**
 * Lets `glue-scripts/run_plan.py` execute one job with these options, over so many bytes; resolves when it has answered, rejects with what it printed.
 * @throws TerminalError, TransientError, PoisonError
 */
export type SparkLauncher = (options: Readonly<Record<string, string>>, bytes?: number) => Promise<void>;

/** Executes plans on Spark on this machine. Reads and writes local paths: the roots of the stores are folders. */
export const sparkEngine = (options: SparkEngineOptions): Engine => ({
  async execute(plan) {
    if (plan.version !== PLAN_VERSION) {
      throw new TerminalError(
        `plan ${plan.runId} has version ${plan.version}; this engine executes version ${PLAN_VERSION}`,
        { fault: 'headgate' },
      );
    }
    // The dataset's lock is held: what else stands in its folder was left by runs that died, personal data in clear with it.
    const scratch = join(options.scratch, plan.dataset);
    await rm(scratch, { recursive: true, force: true });
    await mkdir(scratch, { recursive: true, mode: 0o700 });
    try {
      return await executePlan(plan, { ...options, scratch });
    } catch (error) {
      throw diskError(error, `the work of ${plan.dataset}`);
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
  },
});

async function executePlan(plan: Plan, options: SparkEngineOptions): Promise<RunResult> {
  const { scratch, stores, raw } = options;
  const at = (name: string) => join(scratch, name);
  const prepared = await prepare(plan.inputs, raw, rewriteTo(scratch));
  const job = sparkJob(plan, prepared, {
    scratch: at('staged'),
    answer: at('answer.json'),
    roots: { lake: stores.lake.root, vault: stores.vault.root },
    duckdb: duckDbVersion,
    taskBytes: options.taskBytes ?? shareOfCore(plan),
  });
  // What an attempt that died left under this run's prefixes is seen by nobody and in nobody's way.
  for (const { folder } of job.outputs) await rm(folder, { recursive: true, force: true });
  await writeFile(at('job.json'), JSON.stringify(job), { mode: 0o600 });
  await writeFile(at('pads.json'), JSON.stringify(await padsOf(plan, options.secrets)), { mode: 0o600 });
  await options.launch({ job: at('job.json'), secrets: at('pads.json'), attempt: randomUUID() }, job.bytes);
  // Written by run_plan.py alone, which is of the same version as this.
  return sparkResult(plan, JSON.parse(await readFile(job.answer, 'utf8')) as SparkAnswer);
}

const LEAST_TASK_BYTES = 4 * 1024 ** 2;

/** One piece would leave the other cores idle. */
function shareOfCore({ inputs }: Plan): number {
  const bytes = inputs.reduce((sum, input) => sum + input.bytes, 0);
  return Math.min(TASK_BYTES, Math.max(LEAST_TASK_BYTES, Math.ceil(bytes / cpus().length)));
}

async function padsOf(plan: Plan, secrets: Secrets): Promise<Readonly<Record<string, unknown>>> {
  const pads: Record<string, unknown> = {};
  for (const name of plan.secrets) pads[name] = hmacPads(await secrets.read(name));
  return pads;
}
