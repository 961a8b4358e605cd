import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import type { SparkLauncher } from '../../lib/adapters/local/spark-engine.ts';
import { type SparkSubmitOptions, sparkSubmit } from '../../lib/adapters/local/spark-submit.ts';
import { TerminalError, TransientError } from '../../lib/errors.ts';
import type { SparkJob } from '../../lib/plan/spark-job.ts';
import { ROOT } from '../support/headgate.ts';
import { describeWithJudges } from '../support/judge.ts';
import { SPARK_ENVIRONMENT } from '../support/spark-server.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { CONTRACT, hostileCsv } from './hostile.ts';
import { differences, type Outcome, outcomeOf } from './outcome.ts';

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

/** Java processes that a process has started. */
const javaChildren = (parent: number): readonly number[] =>
  readdirSync('/proc').flatMap((name) => {
    if (!/^[0-9]+$/.test(name)) return [];
    try {
      const [command = '', rest = ''] = readFileSync(`/proc/${name}/stat`, 'utf8').split(') ');
      return command.endsWith('(java') && Number(rest.split(' ')[1]) === parent ? [Number(name)] : [];
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
  const submit = (name: string, more: Partial<SparkSubmitOptions> = {}): SparkLauncher =>
    sparkSubmit({
      environment: SPARK_ENVIRONMENT,
      scripts: join(ROOT, 'glue-scripts'),
      scratch: join(folder, name),
      log: () => {},
      ...more,
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

  test('an executor that is killed in the middle is replaced by Spark itself', async () => {
    const contracts = join(folder, 'cut-contract');
    mkdirSync(contracts);
    writeFileSync(join(contracts, 'hostile.odcs.yaml'), CONTRACT);
    const landing = join(folder, 'cut-landing/shop/2026-01-01');
    mkdirSync(landing, { recursive: true });
    writeFileSync(join(landing, 'a.csv'), hostileCsv(2000, 1));
    const batches = { contracts, landings: [join(folder, 'cut-landing')], taskBytes: 20_000 };
    const log: string[] = [];
    const kills: number[] = [];
    const launch: SparkLauncher = async (options) => {
      const { scratch } = JSON.parse(readFileSync(options.job ?? '', 'utf8')) as SparkJob;
      const run = submit('executor', { master: 'local-cluster[2,1,1024]', log: (line) => log.push(line) })(
        options,
      );
      run.catch(() => undefined);
      await until(() => existsSync(scratch) && parquetBelow(scratch));
      const [driver] = jvms(join(folder, 'executor'));
      const [executor] = javaChildren(driver ?? 0);
      if (executor !== undefined) process.kill(executor, 'SIGKILL');
      kills.push(executor ?? 0);
      return run;
    };
    const found = await outcomeOf({
      ...batches,
      home: join(folder, 'executor'),
      engine: 'spark',
      spark: launch,
    });
    expect(kills).toEqual([expect.any(Number)]);
    expect(log.some((line) => /Lost executor/.test(line))).toBe(true);
    const expected = await outcomeOf({
      ...batches,
      home: join(folder, 'no-executor'),
      engine: 'duckdb',
      spark: launch,
    });
    expect(differences(expected, found)).toEqual([]);
    expect(found.engines).toEqual(['spark']);
    expect(found.tables['shop.hostile']?.length).toBeGreaterThan(100);
  }, 300_000);

  test('a disk that is full leaves the batch waiting; with room again it is loaded, and nothing twice', async () => {
    const disk = join(folder, 'disk');
    mkdirSync(disk);
    const mounted = `mount -t tmpfs -o size=1m tmpfs '${disk}' && exec "$@"`;
    const { status, stdout, stderr } = spawnSync(
      'unshare',
      [
        ...['--user', '--map-root-user', '--mount', 'sh', '-c', mounted, 'sh'],
        ...[process.execPath, '--disable-warning=ExperimentalWarning'],
        ...[join(import.meta.dirname, 'full-disk.ts'), disk],
      ],
      { encoding: 'utf8', maxBuffer: 1e9 },
    );
    if (status !== 0) throw new Error(stderr.slice(-5000));
    const { full, roomy, expected } = JSON.parse(stdout) as Record<
      'full' | 'roomy' | 'expected',
      Outcome & { readonly messages: readonly string[] }
    >;
    expect(full.messages.length).toBeGreaterThan(0);
    expect(full.tables['shop.hostile']).toEqual([]);
    expect(full.files).toMatchObject([{ state: 'admitted' }]);
    expect(roomy.messages).toEqual([]);
    expect(roomy.tables).toEqual(expected.tables);
  }, 600_000);

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
      const run = submit('aborted', { signal: controller.signal })(options);
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
