import { spawn } from 'node:child_process';
import { existsSync, globSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { TerminalError } from '../../errors.ts';
import type { Matcher } from '../../ports/matcher.ts';
import { finished, type SparkSubmitOptions, sparkSubmit } from './spark-submit.ts';
import type { MatchLauncher } from './splink-matcher.ts';

export type SplinkOptions = Omit<SparkSubmitOptions, 'script' | 'scratch'>;

const SCRIPT = 'match_records.py';

/** One Python process a job, with DuckDB or with Spark in it. It ends when this process does, however that ends. */
export const splinkProcess =
  (engine: Matcher['engine'], options: SplinkOptions): MatchLauncher =>
  async (job) => {
    const python = pythonOf(options.environment);
    if (engine === 'spark') {
      // What Spark spills holds values in clear: it lies where the run removes everything.
      const spark = { ...options, script: SCRIPT, scratch: dirname(job) };
      return sparkSubmit(spark)({ job, backend: 'spark' });
    }
    const args = ['--job', job, '--backend', 'duckdb', '--parent', String(process.pid)];
    // Without bytecode: the scripts may lie where nobody writes.
    const child = spawn(python, ['-B', join(options.scripts, SCRIPT), ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return finished(child, SCRIPT, options.log);
  };

/** @throws TerminalError where Splink is not installed */
function pythonOf(environment: string): string {
  const python = join(environment, 'bin/python');
  const [home] = globSync(join(environment, 'lib/python3*/site-packages/splink'));
  if (home !== undefined && existsSync(python)) return python;
  throw new TerminalError(
    `matching needs a Python environment with splink in ${environment}, there is none; run: npm run setup:python matching`,
    { fault: 'headgate', facts: { environment } },
  );
}
