import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { cpSync, existsSync, globSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { GetParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { EXIT } from '../../bin/exit-codes.ts';
import { type Settings, settings } from '../../lib/adapters/aws/settings.ts';
import { type Finished, ROOT } from '../support/headgate.ts';
import { type Emulator, freePort, start, stop } from '../support/ministack.ts';

/** Environments that the emulator's launcher needs: itself, Spark, Spark's way to S3, Trino. */
const NEEDS = ['aws', 'spark', 'spark-s3', 'trino'];
export const missing = NEEDS.filter((name) => !existsSync(join(ROOT, '.venv', name, 'made-from')));

/** Milliseconds, for what hangs: on a quiet machine each takes a tenth of it. */
const DEADLINES = { bundle: 180_000, bootstrap: 180_000, deploy: 300_000, trino: 240_000 };
/** The registry has DuckDB's library for the processor of this machine; the emulator runs functions on it, whatever the template says. */
const ARCHITECTURE = process.arch === 'arm64' ? 'arm64' : 'x64';

export interface Deployed {
  readonly emulator: Emulator;
  readonly settings: Settings;
  /** Folder with the templates, as synthesised. */
  readonly templates: string;
  readonly contracts: string;
  /** What Spark has printed, and what the emulator has. */
  readonly logs: readonly string[];
  headgate(...args: readonly string[]): Promise<Finished>;
  /** The command line on a lake of this machine's. */
  laptop(...args: readonly string[]): Promise<Finished>;
  /** A call of the SDK, such as `sqs`, `list_queues`, `{}`. */
  call<Answer>(service: string, operation: string, parameters: object): Promise<Answer>;
  /** How many resources the templates name, and where what stands differs from them. */
  readBack(): Promise<{
    readonly resources: number;
    readonly differences: readonly {
      readonly id: string;
      readonly type: string;
      readonly property: string;
      readonly wanted: unknown;
      readonly found: unknown;
    }[];
  }>;
  stop(): Promise<void>;
}

/** Bundles, bootstraps and deploys the dev stage, with the contracts of test/deploy/contracts beside the shipped ones, onto an emulator of its own. */
export async function deployStage(folder: string): Promise<Deployed> {
  const at = (name: string) => join(folder, name);
  const contracts = at('contracts');
  for (const each of ['contracts', 'test/deploy/contracts'])
    cpSync(join(ROOT, each), contracts, { recursive: true });
  const port = await freePort();
  const children: ChildProcess[] = [];
  const end = async () => {
    for (const child of children.reverse()) await stop(child);
  };
  try {
    const [trinoUrl] = await Promise.all([
      startTrino(folder, port, children),
      packed(at('bundles'), contracts),
    ]);
    const { emulator, process: child } = await start(folder, {
      port,
      program: [join(import.meta.dirname, 'emulator/launch.py')],
      environment: {
        // Functions run by the Node that is found first; Glue has boto3, and lends it to its scripts.
        PATH: `${join(ROOT, 'node_modules/.bin')}:${process.env.PATH}`,
        PYTHONDONTWRITEBYTECODE: '1',
        S3_PERSIST: '1',
        HEADGATE_TRINO_URL: trinoUrl,
        HEADGATE_SPARK_PYTHON: join(ROOT, '.venv/spark/bin/python'),
        HEADGATE_SPARK_JARS: join(ROOT, '.venv/spark-s3'),
        HEADGATE_SPARK_LOG: at('spark.log'),
      },
    });
    children.push(child);
    const cdk = (args: readonly string[], timeout: number) =>
      run(join(ROOT, 'node_modules/.bin/cdk'), [...args, '--output', at('cdk')], timeout, {
        ...emulator.environment,
        HOME: folder,
        CI: 'true',
      });
    const context = [
      `contracts=${contracts}`,
      `bundles=${at('bundles')}`,
      `architecture=${ARCHITECTURE === 'x64' ? 'x86_64' : ARCHITECTURE}`,
      'stage=dev',
    ].flatMap((each) => ['-c', each]);
    await cdk(['bootstrap', 'aws://000000000000/eu-west-1', ...context], DEADLINES.bootstrap);
    await cdk(['deploy', '--all', '--require-approval', 'never', ...context], DEADLINES.deploy);
    const command = (args: readonly string[], environment = emulator.environment) =>
      run(
        process.execPath,
        [join(ROOT, 'bin/headgate.mjs'), '--contracts', contracts, ...args],
        DEADLINES.deploy,
        environment,
      );
    return {
      emulator,
      settings: await settingsOf(emulator),
      templates: at('cdk'),
      contracts,
      logs: [at('spark.log'), at('ministack.log')],
      headgate: (...args) => command(['--env', 'dev', ...args]),
      laptop: (...args) => command(['--home', at('laptop'), ...args], {}),
      async call<Answer>(service: string, operation: string, parameters: object) {
        const script = join(import.meta.dirname, 'call.py');
        const args = [script, service, operation, JSON.stringify(parameters)];
        const { stdout } = await run(emulator.python, args, 60_000, emulator.environment);
        return JSON.parse(stdout) as Answer;
      },
      async readBack() {
        const script = join(import.meta.dirname, 'read_back.py');
        const { stdout } = await run(emulator.python, [script, at('cdk')], 60_000, emulator.environment);
        return JSON.parse(stdout) as Awaited<ReturnType<Deployed['readBack']>>;
      },
      stop: end,
    };
  } catch (error) {
    await end();
    throw error;
  }
}

async function packed(folder: string, contracts: string): Promise<void> {
  const script = (name: string, args: readonly string[]) =>
    run(
      join(ROOT, 'node_modules/.bin/node'),
      ['--disable-warning=ExperimentalWarning', join(ROOT, 'scripts', name), ...args],
      DEADLINES.bundle,
    );
  await script('bundle.ts', [folder, contracts]);
  await script('pack-duckdb.ts', [ARCHITECTURE, folder]);
}

async function startTrino(folder: string, port: number, children: ChildProcess[]): Promise<string> {
  const log = join(folder, 'trino.log');
  const output = openSync(log, 'w');
  const server = join(import.meta.dirname, 'emulator/QueryServer.java');
  const classes = globSync(join(ROOT, '.venv/trino/*.jar')).join(':');
  const child = spawn('java', ['-Xmx1g', '-cp', classes, server, `http://127.0.0.1:${port}`], {
    cwd: folder,
    stdio: ['pipe', output, output],
  });
  children.push(child);
  const deadline = Date.now() + DEADLINES.trino;
  while (Date.now() < deadline && child.exitCode === null) {
    const [, found] = /listening (\d+)/.exec(readFileSync(log, 'utf8')) ?? [];
    if (found !== undefined) return `http://127.0.0.1:${found}/`;
    await sleep(200);
  }
  throw new Error(`Trino did not start:\n${readFileSync(log, 'utf8').slice(-4_000)}`);
}

async function settingsOf({ config }: Emulator): Promise<Settings> {
  const { Parameter } = await new SSMClient(config).send(
    new GetParameterCommand({ Name: '/headgate/dev/settings' }),
  );
  return settings.parse(JSON.parse(Parameter?.Value ?? ''));
}

/** A program of this project to its end. @throws Error with what it printed where it fails or takes longer than `timeout` milliseconds */
function run(
  program: string,
  args: readonly string[],
  timeout: number,
  environment: Readonly<Record<string, string>> = {},
): Promise<Finished> {
  const env = {
    ...process.env,
    NODE_OPTIONS: '',
    NO_COLOR: '1',
    ...environment,
    PATH: `${join(ROOT, 'node_modules/.bin')}:${process.env.PATH}`,
  };
  const options = { cwd: ROOT, env, timeout, maxBuffer: 256 * 1024 * 1024 };
  return new Promise((resolve, reject) => {
    execFile(program, args, options, (error, stdout, stderr) => {
      // Something was refused, which is no failure of the program.
      if (error === null || error.code === EXIT.attention)
        resolve({ code: Number(error?.code ?? 0), stdout, stderr });
      else
        reject(
          new Error(
            `${args.slice(0, 3).join(' ')} failed:\n${stdout.slice(-3_000)}\n${stderr.slice(-3_000)}`,
          ),
        );
    });
  });
}

/** A folder of files whose names are their keys. */
export function landingFolder(folder: string): { readonly root: string; readonly keys: readonly string[] } {
  const root = join(folder, 'landing');
  for (const domain of ['orders', 'payments'])
    cpSync(join(ROOT, 'samples', domain), join(root, domain), { recursive: true });
  mkdirSync(join(root, 'retail'), { recursive: true });
  cpSync(join(ROOT, '../shared/data/retail/by-day'), join(root, 'retail/sales'), { recursive: true });
  return { root, keys: globSync('**/*.*', { cwd: root }).sort() };
}
