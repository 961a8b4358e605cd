import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe } from '@jest/globals';

const home = join(import.meta.dirname, '../../.venv');

/**
 * A suite that asks a Python program for its verdict. `environment` is a list in test/requirements.
 * Where the environment is missing the suite is skipped and the reporter names it; on CI it fails instead.
 */
export function describeWithPython(environment: string, name: string, body: (python: Python) => void): void {
  const interpreter = join(home, environment, 'bin/python');
  const ready = existsSync(join(home, environment, 'made-from'));
  const define = ready || process.env.CI === 'true' ? describe : describe.skip;
  define(ready ? name : `${name} [needs Python 3.11 with venv: npm run setup:python]`, () =>
    body(pythonAt(interpreter)),
  );
}

export interface Python {
  /** Runs a script with arguments and parses what it prints as JSON. */
  json<T>(script: string, ...args: string[]): Promise<T>;
}

const pythonAt = (interpreter: string): Python => ({
  async json<T>(script: string, ...args: string[]): Promise<T> {
    const { stdout } = await promisify(execFile)(interpreter, [script, ...args], {
      maxBuffer: 256 * 1024 * 1024,
    });
    return JSON.parse(stdout) as T;
  },
});
