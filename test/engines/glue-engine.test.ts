import { existsSync } from 'node:fs';
import { join } from 'node:path';
import {
  EntityNotFoundException,
  GetJobRunCommand,
  GetJobRunsCommand,
  GlueClient,
  StartJobRunCommand,
  ThrottlingException,
} from '@aws-sdk/client-glue';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { mockClient } from 'aws-sdk-client-mock';
import { glueEngine } from '../../lib/adapters/aws/glue-engine.ts';
import { readContracts } from '../../lib/adapters/local/contracts.ts';
import { duckDbEngine } from '../../lib/adapters/local/duckdb-engine.ts';
import { folderStore } from '../../lib/adapters/local/folder-store.ts';
import { sparkEngine } from '../../lib/adapters/local/spark-engine.ts';
import { PoisonError, TerminalError, TransientError } from '../../lib/errors.ts';
import { compile } from '../../lib/plan/compile.ts';
import { spark } from '../../lib/plan/dialects/spark.ts';
import { ROOT } from '../support/headgate.ts';
import { temporaryFolder } from '../support/temporary.ts';

const glue = mockClient(GlueClient);
const folder = temporaryFolder('glue');
const [dataset] = readContracts(join(ROOT, 'contracts/retail'));
let number = 0;

/** An engine over folders in place of buckets, and a plan of its own for each test. */
function setUp() {
  const home = join(folder, String(number++));
  const store = (name: string) => folderStore(join(home, name));
  if (dataset === undefined) throw new Error('no dataset');
  const plan = compile(dataset, { runId: `run-${number}`, inputs: [], vaultFiles: [] }, spark);
  const results = store('results');
  const engine = glueEngine({
    client: new GlueClient({ region: 'eu-west-1' }),
    jobName: 'headgate-run-plan',
    secretId: 'headgate-pads',
    raw: store('raw'),
    stores: { lake: store('lake'), vault: store('vault') },
    results,
    duckdb: '1.5.6',
    pollEvery: 1,
  });
  const key = `spark/${plan.dataset}/${plan.runId}/answer.json`;
  const answer = () =>
    results.write(
      key,
      Buffer.from(
        JSON.stringify({ runId: plan.runId, outputs: [], measures: [], losses: [], seconds: { stage: 1 } }),
      ),
    );
  return { plan, engine, answer, results };
}

beforeEach(() => {
  glue.reset();
});

describe('the Glue engine', () => {
  test('starts one job run with references only, waits for it and reads its answer', async () => {
    const { plan, engine, answer, results } = setUp();
    glue.on(GetJobRunsCommand).resolves({ JobRuns: [] });
    glue.on(StartJobRunCommand).resolves({ JobRunId: 'jr_1' });
    glue
      .on(GetJobRunCommand)
      .resolvesOnce({ JobRun: { JobRunState: 'RUNNING' } })
      .callsFake(async () => {
        await answer();
        return { JobRun: { JobRunState: 'SUCCEEDED' } };
      });
    expect(await engine.execute(plan)).toMatchObject({
      runId: plan.runId,
      engine: 'spark',
      seconds: { stage: 1 },
    });
    const [start] = glue.commandCalls(StartJobRunCommand);
    expect(start?.args[0].input).toMatchObject({
      JobName: 'headgate-run-plan',
      Arguments: {
        '--run': plan.runId,
        '--job': `${results.root}/spark/retail/sales/${plan.runId}/job.json`,
        '--secrets': 'secretsmanager:headgate-pads',
      },
    });
    await engine.execute(plan);
    expect(glue.commandCalls(StartJobRunCommand)).toHaveLength(1);
  });

  test('a plan of another version is refused for good by every engine, before anything is begun', async () => {
    const { plan, engine } = setUp();
    const other = { ...plan, version: 99 as never };
    const home = join(folder, 'other-version');
    const raw = folderStore(join(home, 'raw'));
    const local = { raw, stores: { lake: raw, vault: raw }, scratch: join(home, 'scratch') };
    const secrets = { read: () => Promise.reject(new Error('asked for a key')) };
    const launch = () => Promise.reject(new Error('started Spark'));
    const engines = [engine, duckDbEngine({ ...local, secrets }), sparkEngine({ ...local, secrets, launch })];
    for (const each of engines) {
      const refusal = each.execute(other);
      await expect(refusal).rejects.toThrow('has version 99; this engine executes version');
      await expect(refusal).rejects.toBeInstanceOf(TerminalError);
    }
    expect(glue.calls()).toHaveLength(0);
    expect(existsSync(home)).toBe(false);
  });

  test('joins the job run that carries its run id, on whatever page it stands', async () => {
    const { plan, engine, answer } = setUp();
    glue.on(GetJobRunsCommand).resolvesOnce({
      JobRuns: [{ Id: 'other', Arguments: { '--run': 'other' }, JobRunState: 'RUNNING' }],
      NextToken: 'next',
    });
    glue
      .on(GetJobRunsCommand, { NextToken: 'next' })
      .resolves({ JobRuns: [{ Id: 'mine', Arguments: { '--run': plan.runId }, JobRunState: 'STARTING' }] });
    glue.on(GetJobRunCommand, { RunId: 'mine' }).callsFake(async () => {
      await answer();
      return { JobRun: { JobRunState: 'SUCCEEDED' } };
    });
    await engine.execute(plan);
    expect(glue.commandCalls(StartJobRunCommand)).toHaveLength(0);
  });

  test('starts again where the earlier job run failed', async () => {
    const { plan, engine, answer } = setUp();
    glue
      .on(GetJobRunsCommand)
      .resolves({ JobRuns: [{ Id: 'old', Arguments: { '--run': plan.runId }, JobRunState: 'FAILED' }] });
    glue.on(StartJobRunCommand).resolves({ JobRunId: 'jr_2' });
    glue.on(GetJobRunCommand, { RunId: 'jr_2' }).callsFake(async () => {
      await answer();
      return { JobRun: { JobRunState: 'SUCCEEDED' } };
    });
    await engine.execute(plan);
    expect(glue.commandCalls(StartJobRunCommand)).toHaveLength(1);
  });

  test.each([
    [
      'Failure: headgate-failure {"kind": "poison", "message": "DuckDB on an executor: Conversion Error"}',
      PoisonError,
      'Conversion Error',
    ],
    [
      'Failure: headgate-failure {"kind": "terminal", "message": "job r has version 2"}',
      TerminalError,
      'version 2',
    ],
    ['Command failed with exit code 137', TransientError, 'ended as FAILED'],
  ])('maps %s', async (ErrorMessage, kind, text) => {
    const { plan, engine } = setUp();
    glue.on(GetJobRunsCommand).resolves({ JobRuns: [] });
    glue.on(StartJobRunCommand).resolves({ JobRunId: 'jr_3' });
    glue.on(GetJobRunCommand).resolves({ JobRun: { JobRunState: 'FAILED', ErrorMessage } });
    const failed = engine.execute(plan);
    await expect(failed).rejects.toBeInstanceOf(kind);
    await expect(failed).rejects.toThrow(text);
  });

  test('says what Glue refused: for good, or for now', async () => {
    const { plan, engine } = setUp();
    const about = { message: 'no', $metadata: {} };
    glue.on(GetJobRunsCommand).rejects(new EntityNotFoundException(about));
    await expect(engine.execute(plan)).rejects.toBeInstanceOf(TerminalError);
    glue.on(GetJobRunsCommand).rejects(new ThrottlingException(about));
    await expect(engine.execute(plan)).rejects.toBeInstanceOf(TransientError);
  });
});
