import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { SparkLauncher } from '../../lib/adapters/local/spark-engine.ts';
import { QUICK, sparkOf, sparkOptions } from '../../lib/adapters/local/spark-submit.ts';
import { failureIn } from '../../lib/plan/spark-failure.ts';
import { ROOT } from './headgate.ts';

export const SPARK_ENVIRONMENT = join(ROOT, '.venv/spark');

/** One Spark for many plans: `run_plan.py --serve true`. What starts 10 seconds a time in a run starts once in a suite. */
export class SparkServer {
  readonly process: ChildProcessWithoutNullStreams;
  private readonly lines: AsyncIterator<string>;
  private said = '';
  private queue: Promise<unknown> = Promise.resolve();

  constructor(scratch: string) {
    const { python, environment } = sparkOf({ environment: SPARK_ENVIRONMENT });
    const options = [...sparkOptions({ scratch, cores: 2 }), ...QUICK, 'pyspark-shell'].join(' ');
    const script = join(ROOT, 'glue-scripts/run_plan.py');
    this.process = spawn('/usr/bin/env', [
      ...environment,
      `PYSPARK_SUBMIT_ARGS=${options}`,
      python,
      script,
      ...['--serve', 'true', '--parent', String(process.pid)],
    ]);
    this.lines = createInterface({ input: this.process.stdout })[Symbol.asyncIterator]();
    this.process.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.said = `${this.said}${text}`.slice(-1_000_000);
    });
  }

  /** All that Spark has logged. */
  get log(): string {
    return this.said;
  }

  readonly launch: SparkLauncher = (options) => {
    const turn = this.queue.then(() => this.ask(options));
    this.queue = turn.catch(() => undefined);
    return turn;
  };

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.process.once('close', resolve));
    this.process.stdin.end();
    await ended;
  }

  private async ask(options: Readonly<Record<string, string>>): Promise<void> {
    this.process.stdin.write(`${JSON.stringify(options)}\n`);
    for (;;) {
      const { value, done } = await this.lines.next();
      if (done === true) throw failureIn(this.said, 'the Spark server ended');
      if (value === 'headgate-done') return;
      if (String(value).startsWith('headgate-failure ')) throw failureIn(String(value), '');
    }
  }
}
