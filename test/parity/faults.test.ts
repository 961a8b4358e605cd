import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import type { SparkLauncher } from '../../lib/adapters/local/spark-engine.ts';
import { sparkSubmit } from '../../lib/adapters/local/spark-submit.ts';
import { TerminalError, TransientError } from '../../lib/errors.ts';
import type { SparkJob } from '../../lib/plan/spark-job.ts';
import { ROOT } from '../support/headgate.ts';
import { describeWithJudges } from '../support/judge.ts';
import { SPARK_ENVIRONMENT } from '../support/spark-server.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { type Outcome, outcomeOf } from './outcome.ts';

const CASE = join(ROOT, 'test/cases/vault-holds-a-value-once');

/** Java processes below this one that work in a folder. */
const jvms = (folder: string): readonly number[] =>
  readdirSync('/proc').flatMap((name) => {
    if (!/^[0-9]+$/.test(name)) return [];
    try {
      const words = readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0');
      const isIts = words[0]?.endsWith('java') === true && words.some((word) => word.includes(folder));
      return isIts ? [Number(name)] : [];
    } catch {
      return [];
    }
  });

async function until(what: () => boolean): Promise<void> {
  while (!what()) await setTimeout(20);
}

const parquetBelow = (path: string): boolean =>
  readdirSync(path, { recursive: true, encoding: 'utf8' }).some((name) => name.endsWith('.parquet'));

describeWithJudges(['spark'], 'Spark that fails', () => {
  const folder = temporaryFolder('spark-faults');
  const submit = (name: string, signal?: AbortSignal): SparkLauncher =>
    sparkSubmit({
      environment: SPARK_ENVIRONMENT,
      scripts: join(ROOT, 'glue-scripts'),
      scratch: join(folder, name),
      log: () => {},
      ...(signal === undefined ? {} : { signal }),
    });
  const outcome = (name: string, engine: 'duckdb' | 'spark', spark: SparkLauncher): Promise<Outcome> =>
    outcomeOf({
      home: join(folder, name),
      contracts: CASE,
      landings: [join(CASE, 'landing')],
      engine,
      spark,
    });

  test('a driver that is killed while it writes is tried again, and its rows are there once', async () => {
    const kills: number[] = [];
    const launch: SparkLauncher = async (options) => {
      if (kills.length > 0) return submit('killed')(options);
      const { scratch } = JSON.parse(readFileSync(options.job ?? '', 'utf8')) as SparkJob;
      const run = submit('killed')(options);
      run.catch(() => undefined);
      // It has read the files and not answered.
      await until(() => existsSync(scratch) && parquetBelow(scratch));
      for (const id of jvms(join(folder, 'killed'))) {
        process.kill(id, 'SIGKILL');
        kills.push(id);
      }
      return run;
    };
    const found = await outcome('killed', 'spark', launch);
    expect(kills).toHaveLength(1);
    expect(found.failures).toEqual([expect.any(TransientError)]);
    const { tables, files, runs } = await outcome('unharmed', 'duckdb', launch);
    expect({ tables: found.tables, files: found.files, runs: found.runs }).toEqual({ tables, files, runs });
    expect(found.engines).toEqual(['spark']);
    expect(found.problems).toEqual([]);
  }, 300_000);

  test('a file of the plan that is gone is named, and nothing is published', async () => {
    const paths: string[] = [];
    const found = await outcome('missing', 'spark', (options) => {
      const job = JSON.parse(readFileSync(options.job ?? '', 'utf8')) as SparkJob;
      for (const { files } of job.tasks) for (const { path } of files) paths.push(path);
      for (const path of paths) rmSync(path, { force: true });
      return submit('missing')(options);
    });
    expect(paths).toHaveLength(1);
    expect(found.failures).toEqual([expect.any(TerminalError)]);
    expect(String(found.failures[0])).toContain(`there is no object ${paths[0]}`);
    expect(found.problems).toHaveLength(1);
    expect(found.runs).toEqual([]);
    expect(Object.values(found.tables).flat()).toEqual([]);
  }, 300_000);

  test('a job that is called off ends, and may be tried again', async () => {
    const controller = new AbortController();
    const launch: SparkLauncher = async (options) => {
      if (controller.signal.aborted) return submit('aborted')(options);
      const run = submit('aborted', controller.signal)(options);
      run.catch(() => undefined);
      await until(() => jvms(join(folder, 'aborted')).length === 1);
      controller.abort();
      await until(() => jvms(join(folder, 'aborted')).length === 0);
      return run;
    };
    const { problems, engines, failures } = await outcome('aborted', 'spark', launch);
    expect(failures).toEqual([expect.any(TransientError)]);
    expect(problems).toEqual([]);
    expect(engines).toEqual(['spark']);
  }, 300_000);
});
