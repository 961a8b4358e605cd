import { randomUUID } from 'node:crypto';
import { json } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';
import { GetJobRunCommand, type GlueClient } from '@aws-sdk/client-glue';
import { TerminalError, TransientError } from '../../errors.ts';
import { PLAN_VERSION, type Plan, type RunResult } from '../../plan/plan.ts';
import { prepare } from '../../plan/prepare.ts';
import { type SparkAnswer, sparkJob, sparkResult, TASK_BYTES } from '../../plan/spark-job.ts';
import type { Engine } from '../../ports/engine.ts';
import type { Jobs } from '../../ports/jobs.ts';
import type { ObjectStore } from '../../ports/object-store.ts';
import type { Secrets } from '../../ports/secrets.ts';
import { asked, failureOf, isUnfinished, runsOf, startRun } from './glue-job-runs.ts';

export interface GlueEngineOptions {
  readonly client: GlueClient;
  /** Name of the Glue job that runs `run_plan.py`. */
  readonly jobName: string;
  /** Id of the secret that holds the padded keys by name. */
  readonly secretId: string;
  readonly raw: ObjectStore;
  readonly stores: { readonly lake: ObjectStore; readonly vault: ObjectStore };
  /** Job documents, rewritten inputs and answers; keys below `spark/<run>`. */
  readonly results: ObjectStore;
  /** Version of DuckDB in the job's additional modules. */
  readonly duckdb: string;
  /** Milliseconds between two looks at the job run. @default 10 seconds */
  readonly pollEvery?: number;
}

/** Executes plans on AWS Glue: what the state machine's own `.sync` integration does, for callers that are not a state machine. */
export const glueEngine = (options: GlueEngineOptions): Engine => ({
  async execute(plan) {
    const before = await answerOf(plan, options.results);
    if (before !== undefined) return before;
    const job = await storeJob(plan, options);
    const jobRunId = (await joined(plan, options)) ?? (await started(plan, job, options));
    await finished(jobRunId, options);
    const answer = await answerOf(plan, options.results);
    if (answer !== undefined) return answer;
    throw new TransientError(
      `job run ${jobRunId} of ${options.jobName} succeeded without an answer for run ${plan.runId}; run again`,
      {
        fault: 'headgate',
        facts: { jobRunId },
      },
    );
  },
});

const keyOf = (plan: Plan, name: string): string => `spark/${plan.dataset}/${plan.runId}/${name}`;

/** Rewrites what the parser can't take, then stores the job document; gives its address. Doing it again gives the same. */
export async function storeJob(
  plan: Plan,
  { raw, stores, results, duckdb }: Pick<GlueEngineOptions, 'raw' | 'stores' | 'results' | 'duckdb'>,
): Promise<string> {
  if (plan.version !== PLAN_VERSION) {
    throw new TerminalError(
      `plan ${plan.runId} has version ${plan.version}; this engine executes version ${PLAN_VERSION}`,
      {
        fault: 'headgate',
      },
    );
  }
  const address = (key: string) => `${results.root}/${key}`;
  const prepared = await prepare(plan.inputs, raw, async (name, body) => {
    const key = keyOf(plan, `rewritten/${name}`);
    await results.write(key, body);
    return address(key);
  });
  const job = sparkJob(plan, prepared, {
    scratch: address(keyOf(plan, 'staged')),
    answer: address(keyOf(plan, 'answer.json')),
    roots: { lake: stores.lake.root, vault: stores.vault.root },
    duckdb,
    taskBytes: TASK_BYTES,
  });
  await results.write(keyOf(plan, 'job.json'), Buffer.from(JSON.stringify(job)));
  return address(keyOf(plan, 'job.json'));
}

/** The accepted answer of a run, undefined while there is none. */
export async function answerOf(plan: Plan, results: ObjectStore): Promise<RunResult | undefined> {
  const key = keyOf(plan, 'answer.json');
  if ((await results.stat(key)) === undefined) return undefined;
  // Written by run_plan.py alone, once for each run.
  return sparkResult(plan, (await json(results.read(key))) as SparkAnswer);
}

export interface GlueJobsOptions extends Pick<GlueEngineOptions, 'raw' | 'stores' | 'results' | 'duckdb'> {
  readonly secrets: Secrets;
  /** Stands before the names of keys in Secrets Manager, `headgate/dev/`. */
  readonly secretPrefix: string;
}

/** Plans as jobs of Glue that the state machine starts by its own `.sync` integration. */
export const glueJobs = (options: GlueJobsOptions): Jobs => ({
  async store(plan) {
    // The job reads the keys itself and derives what its executors get; that they are the known ones is found out here.
    for (const name of plan.secrets) await options.secrets.read(name);
    return {
      address: await storeJob(plan, options),
      secrets: `secretsmanager:${options.secretPrefix}${plan.secrets.join(',')}`,
    };
  },
  answer: (plan) => answerOf(plan, options.results),
});

/** StartJobRun knows no idempotence token: a job run that carries this run's id is joined instead of started again. */
async function joined({ runId }: Plan, options: GlueEngineOptions): Promise<string | undefined> {
  const runs = await runsOf(options, runId);
  return runs.find(isUnfinished)?.Id;
}

const started = (
  { runId }: Plan,
  job: string,
  { client, jobName, secretId }: GlueEngineOptions,
): Promise<string> =>
  // Two callers at the same moment start two: each attempt writes below its own name, and the first answer stands.
  startRun(
    { client, jobName },
    {
      '--run': runId,
      '--job': job,
      '--secrets': `secretsmanager:${secretId}`,
      '--attempt': randomUUID(),
    },
  );

async function finished(
  jobRunId: string,
  { client, jobName, pollEvery = 10_000 }: GlueEngineOptions,
): Promise<void> {
  for (;;) {
    const { JobRun: run } = await asked(() =>
      client.send(new GetJobRunCommand({ JobName: jobName, RunId: jobRunId })),
    );
    if (run?.JobRunState === 'SUCCEEDED') return;
    if (run === undefined || !isUnfinished(run)) throw failureOf(jobRunId, jobName, run);
    await setTimeout(pollEvery);
  }
}
