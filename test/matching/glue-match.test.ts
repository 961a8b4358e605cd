import { join } from 'node:path';
import { GetJobRunsCommand, GlueClient, StartJobRunCommand } from '@aws-sdk/client-glue';
import { beforeAll, beforeEach, expect, test } from '@jest/globals';
import { mockClient } from 'aws-sdk-client-mock';
import { glueMatch } from '../../lib/adapters/aws/glue-match.ts';
import { readEntities } from '../../lib/adapters/local/contracts.ts';
import { asExecution } from '../../lib/adapters/local/executions.ts';
import { type Lake, openLake } from '../../lib/adapters/local/lake.ts';
import { sparkSubmit } from '../../lib/adapters/local/spark-submit.ts';
import { stagedMatcher } from '../../lib/adapters/local/staged-matcher.ts';
import { entityId } from '../../lib/contract/entity.ts';
import { MatchWaiting, TransientError } from '../../lib/errors.ts';
import { rollBackEntity } from '../../lib/matching/maintain.ts';
import { MATCH_PREFIX } from '../../lib/matching/places.ts';
import { lastRun, matchEntity } from '../../lib/matching/run.ts';
import { withLock } from '../../lib/pipeline/maintain.ts';
import { febrl, landFebrl } from '../support/febrl.ts';
import { headgate, ROOT } from '../support/headgate.ts';
import { describeWithJudges } from '../support/judge.ts';
import { temporaryFolder } from '../support/temporary.ts';

// Folders in place of buckets and Glue's answers by hand; the script, Splink and Spark are the real ones.
const folder = temporaryFolder('glue-match');
const home = join(folder, 'lake');
const landing = join(folder, 'landing');
const contracts = join(ROOT, 'contracts/customers');
const glue = mockClient(GlueClient);

const load = async (day: string, records: typeof febrl): Promise<void> => {
  landFebrl(landing, day, records);
  const { code, stderr } = await headgate([
    '--home',
    home,
    '--contracts',
    contracts,
    'run',
    '--landing',
    landing,
  ]);
  expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
};

describeWithJudges(['matching'], 'matching with a Glue job that nobody waits for', () => {
  let lake: Lake;
  // A comparing is begun once a day: this one does not end meanwhile.
  let now = new Date();
  beforeAll(async () => {
    await load('2026-05-01', febrl.slice(0, 300));
    lake = {
      ...openLake({ home, contracts, notifier: { notify: async () => {} } }),
      clock: { now: () => now },
    };
  }, 300_000);
  beforeEach(() => {
    glue.reset();
  });

  const [entity] = readEntities(contracts);
  const call = () => {
    if (entity === undefined) throw new Error('no entity');
    const matcher = stagedMatcher({
      stores: lake.stores,
      scratch: join(home, 'scratch'),
      launch: glueMatch({ client: new GlueClient({ region: 'eu-west-1' }), jobName: 'headgate-match' }),
    });
    return asExecution((execution) => matchEntity({ services: lake, matcher, execution }, entity));
  };
  const started = () =>
    glue.commandCalls(StartJobRunCommand).map(({ args }) => args[0].input.Arguments ?? {});
  const left = async () => {
    const keys: string[] = [];
    for await (const { key } of lake.stores.vault.list(MATCH_PREFIX)) keys.push(key);
    return keys.map((key) => key.slice(key.lastIndexOf('/') + 1)).sort();
  };
  let given: Readonly<Record<string, string>> = {};

  test('begins one job run, which the next call joins although the sources have changed meanwhile', async () => {
    glue.on(GetJobRunsCommand).resolves({ JobRuns: [] });
    glue.on(StartJobRunCommand).resolves({ JobRunId: 'jr_1' });
    await expect(call()).rejects.toThrow(MatchWaiting);
    given = started()[0] ?? {};
    expect(given).toMatchObject({
      '--backend': 'spark',
      '--job': expect.stringContaining(lake.stores.vault.root),
    });
    expect(await left()).toEqual(['job.json', 'records.parquet']);
    await load('2026-05-02', febrl.slice(300, 330));
    glue.on(GetJobRunsCommand).resolves({
      JobRuns: [{ Id: 'jr_1', Arguments: { '--run': given['--run'] ?? '' }, JobRunState: 'RUNNING' }],
    });
    await expect(call()).rejects.toThrow('jr_1');
    expect(started()).toHaveLength(1);
  }, 300_000);

  test('publishes what the script has answered, of two attempts the first, and leaves nothing of it', async () => {
    const submit = sparkSubmit({
      environment: join(ROOT, '.venv/matching'),
      scripts: join(ROOT, 'glue-scripts'),
      script: 'match_records.py',
      scratch: join(folder, 'spark'),
      cores: 2,
      log: () => {},
    });
    for (const [attempt, backend] of Object.entries({ first: 'spark', second: 'duckdb' }))
      await submit({ job: given['--job'] ?? '', backend, attempt });
    const { run, status } = await call();
    expect(status).toBe('published');
    expect(run).toMatchObject({ engine: 'spark', counts: { records: 300, lost: 0 } });
    // Febrl 1 holds one duplicate of each record; of the first 300 some have theirs among them.
    expect(run.counts.customers).toBeLessThan(300);
    expect(run.counts.customers).toBeGreaterThan(150);
    expect(await left()).toEqual([]);
    expect(glue.commandCalls(StartJobRunCommand)).toHaveLength(0);
  }, 600_000);

  test('is rolled back although the clock has gone back: the run that is done last is the last one', async () => {
    if (entity === undefined) throw new Error('no entity');
    now = new Date(now.getTime() - 60 * 60_000);
    const back = await asExecution((execution) =>
      withLock(lake, entityId(entity), execution, (lock) => rollBackEntity(lake, { entity, lock }, null)),
    );
    expect(await lastRun(lake, entity)).toEqual(back);
  });

  test('a failed job run is told and not begun again; nothing in clear stays', async () => {
    glue.on(GetJobRunsCommand).resolves({ JobRuns: [] });
    glue.on(StartJobRunCommand).resolves({ JobRunId: 'jr_2' });
    await expect(call()).rejects.toThrow(MatchWaiting);
    const run = started()[0]?.['--run'] ?? '';
    expect(run).not.toBe(given['--run']);
    glue.on(GetJobRunsCommand).resolves({
      JobRuns: [{ Id: 'jr_2', Arguments: { '--run': run }, JobRunState: 'FAILED', ErrorMessage: 'exit 137' }],
    });
    for (const _ of [1, 2]) await expect(call()).rejects.toThrow(TransientError);
    expect(started()).toHaveLength(1);
    expect(await left()).toEqual([]);
  }, 300_000);
});
