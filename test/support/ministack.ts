import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe } from '@jest/globals';
import { ROOT } from './headgate.ts';
import { temporaryFolder } from './temporary.ts';

const interpreter = join(ROOT, '.venv/aws/bin/python');
const START_MS = 60_000;

export interface Emulator {
  /** For the clients of the SDK: region, credentials and the emulator's address. */
  readonly config: {
    readonly region: string;
    readonly endpoint: string;
    readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  };
  /** The same as variables for other programs. */
  readonly environment: Readonly<Record<string, string>>;
  readonly python: string;
}

/**
 * A suite beside an AWS emulator (MiniStack) of its own on 127.0.0.1. Where it is not installed the suite is skipped and the reporter names it; on
 * CI it fails instead. `emulator` may be asked for inside tests only.
 */
export function describeWithEmulator(name: string, body: (emulator: () => Emulator) => void): void {
  const ready = existsSync(join(ROOT, '.venv/aws/made-from'));
  const define = ready || process.env.CI === 'true' ? describe : describe.skip;
  define(ready ? name : `${name} [needs Python 3.11 with venv: npm run setup:python]`, () => {
    const folder = temporaryFolder('ministack');
    let started: { readonly emulator: Emulator; readonly process: ChildProcess } | undefined;
    beforeAll(async () => {
      started = await start(folder);
    }, START_MS);
    afterAll(() => stop(started?.process));
    body(() => {
      if (started === undefined) throw new Error('the emulator has not been started');
      return started.emulator;
    });
  });
}

interface Launch {
  readonly port?: number;
  /** What Python starts. @default the emulator as it is */
  readonly program?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

/** An emulator that keeps its files in a folder. */
export async function start(
  folder: string,
  { port: wanted, program = ['-m', 'ministack'], environment = {} }: Launch = {},
): Promise<{ emulator: Emulator; process: ChildProcess }> {
  const port = wanted ?? (await freePort());
  const places = Object.fromEntries(
    ['S3_DATA_DIR', 'STATE_DIR', 'TMPDIR'].map((name) => [name, join(folder, name.toLowerCase())]),
  );
  for (const place of Object.values(places)) mkdirSync(place, { recursive: true });
  const account = {
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_REGION: 'eu-west-1',
    AWS_DEFAULT_REGION: 'eu-west-1',
  };
  const log = join(folder, 'ministack.log');
  const output = openSync(log, 'w');
  const child = spawn(interpreter, program, {
    cwd: folder,
    env: {
      PATH: process.env.PATH,
      HOME: folder,
      ...account,
      ...places,
      BIND_HOST: '127.0.0.1',
      MINISTACK_HOST: '127.0.0.1',
      GATEWAY_PORT: String(port),
      IOT_MTLS_ENABLED: '0',
      SFTP_ENABLED: '0',
      ...environment,
    },
    stdio: ['ignore', output, output],
  });
  const endpoint = `http://127.0.0.1:${port}`;
  await answering(`${endpoint}/_ministack/health`, child, log);
  const emulator = {
    python: interpreter,
    environment: { ...account, AWS_ENDPOINT_URL: endpoint },
    config: { region: 'eu-west-1', endpoint, credentials: { accessKeyId: 'test', secretAccessKey: 'test' } },
  };
  return { emulator, process: child };
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

async function answering(url: string, child: ChildProcess, log: string): Promise<void> {
  const deadline = Date.now() + START_MS;
  while (Date.now() < deadline && child.exitCode === null) {
    const answer = await fetch(url, { signal: AbortSignal.timeout(1_000) }).catch(() => undefined);
    if (answer?.ok === true) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  child.kill('SIGKILL');
  throw new Error(`the emulator did not start:\n${readFileSync(log, 'utf8').slice(-4_000)}`);
}

export function stop(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined || child.exitCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.kill('SIGTERM');
    setTimeout(() => child.kill('SIGKILL'), 5_000).unref();
  });
}
