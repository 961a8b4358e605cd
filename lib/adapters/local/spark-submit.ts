import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { existsSync, globSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { TerminalError } from '../../errors.ts';
import { failureIn } from '../../plan/spark-failure.ts';
import type { SparkLauncher } from './spark-engine.ts';

export interface SparkSubmitOptions {
  /** Python environment made from test/requirements/spark.txt. */
  readonly environment: string;
  /** Folder of `run_plan.py`. */
  readonly scripts: string;
  /** @default run_plan.py */
  readonly script?: string;
  /** Folder for what Spark spills. */
  readonly scratch: string;
  readonly log: (line: string) => void;
  /** Cores. @default those of the machine */
  readonly cores?: number;
  /** Where the job runs, as `spark-submit --master` says it. @default this process alone, with `cores` */
  readonly master?: string;
  /** Memory of the Java process, such as `2g`. @default 2g */
  readonly memory?: string;
  /** Kills the job. */
  readonly signal?: AbortSignal;
}

/** One `spark-submit` a job. Its log goes to `log`; it ends when this process does, however that ends. */
export const sparkSubmit =
  (options: SparkSubmitOptions): SparkLauncher =>
  async (job, bytes) => {
    const { program, environment } = sparkOf(options);
    const arguments_ = [
      ...sparkOptions(options),
      ...(bytes !== undefined && bytes < COMPILED_WELL ? QUICK : []),
      join(options.scripts, options.script ?? 'run_plan.py'),
      ...Object.entries({ ...job, parent: String(process.pid) }).flatMap(([name, value]) => [
        `--${name}`,
        value,
      ]),
    ];
    await finished(
      spawn('/usr/bin/env', [...environment, program, ...arguments_], {
        stdio: ['ignore', 'pipe', 'pipe'],
        ...(options.signal === undefined ? {} : { signal: options.signal }),
      }),
      'spark-submit',
      options.log,
    );
  };

/** Of jobs of a minute half the processor's time is Java's second compiler: 40 s without it and 65 s with it for 100 MB. */
export const QUICK = ['--driver-java-options', '-XX:TieredStopAtLevel=1'];
const COMPILED_WELL = 256 * 1024 ** 2;

/** @throws TerminalError, TransientError, PoisonError that the program named in what it printed */
export async function finished(
  child: ChildProcessByStdio<null, Readable, Readable>,
  program: string,
  log: (line: string) => void,
): Promise<void> {
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      said = `${said}${text}`.slice(-LOG_TAIL);
      for (const line of text.split('\n')) if (line.trim() !== '') log(line);
    });
  }
  const code = await new Promise<number | string>((resolve) => {
    child.once('error', (error) => resolve(error.name));
    child.once('close', (status, signal) => resolve(status ?? signal ?? 'unknown'));
  });
  if (code !== 0) throw failureIn(said, `${program} ended with ${code}`);
}

const LOG_TAIL = 200_000;

/** @throws TerminalError where Spark is not installed */
export function sparkOf({ environment }: Pick<SparkSubmitOptions, 'environment'>): {
  readonly program: string;
  readonly python: string;
  readonly environment: readonly string[];
} {
  const [home] = globSync(join(environment, 'lib/python3*/site-packages/pyspark'));
  const python = join(environment, 'bin/python');
  if (home === undefined || !existsSync(python)) {
    throw new TerminalError(
      `engine spark needs a Python environment with pyspark in ${environment}, there is none; run: npm run setup:python spark (and Java 17 must be installed)`,
      { fault: 'headgate', facts: { environment } },
    );
  }
  return {
    program: join(home, 'bin/spark-submit'),
    python,
    environment: [
      `SPARK_HOME=${home}`,
      `PYSPARK_PYTHON=${python}`,
      `PYSPARK_DRIVER_PYTHON=${python}`,
      'PYTHONDONTWRITEBYTECODE=1',
      'SPARK_LOCAL_IP=127.0.0.1',
    ],
  };
}

/** One Java process that is driver and executors, unless `master` says otherwise; reachable from this machine only. */
export const sparkOptions = ({
  scratch,
  cores,
  master,
  memory,
}: Pick<SparkSubmitOptions, 'scratch' | 'cores' | 'master' | 'memory'>): readonly string[] => [
  '--master',
  master ?? `local[${cores ?? cpus().length}]`,
  '--driver-memory',
  memory ?? '2g',
  ...Object.entries({
    'spark.driver.bindAddress': '127.0.0.1',
    'spark.driver.host': '127.0.0.1',
    'spark.ui.enabled': 'false',
    'spark.ui.showConsoleProgress': 'false',
    'spark.local.dir': join(scratch, 'spark'),
    'spark.sql.warehouse.dir': join(scratch, 'spark-warehouse'),
  }).flatMap(([name, value]) => ['--conf', `${name}=${value}`]),
];
