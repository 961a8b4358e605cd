import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe } from '@jest/globals';

const home = join(import.meta.dirname, '../../.venv');

/**
 * A suite that asks other programs for their verdict. `environments` are lists in test/requirements.
 * Where one is missing the suite is skipped and the reporter names it; on CI it fails instead.
 */
export function describeWithJudges(environments: readonly string[], name: string, body: () => void): void {
  const missing = environments.filter((each) => !existsSync(join(home, each, 'made-from')));
  const define = missing.length === 0 || process.env.CI === 'true' ? describe : describe.skip;
  const needs = `needs ${missing.join(', ')} (Python 3.11 with venv, Java 17 and Maven): npm run setup:python`;
  define(missing.length === 0 ? name : `${name} [${needs}]`, body);
}

export function describeWithPython(environment: string, name: string, body: (python: Python) => void): void {
  describeWithJudges([environment], name, () => body(pythonOf(environment)));
}

export const environmentFolder = (environment: string): string => join(home, environment);

export const interpreterOf = (environment: string): string => join(home, environment, 'bin/python');

/** Runs a program to its end and gives what it printed. */
export async function run(program: string, args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(program, [...args], { maxBuffer: 256 * 1024 * 1024 });
  return stdout;
}

export interface Python {
  /** Runs a script with arguments and parses what it prints as JSON. */
  json<T>(script: string, ...args: string[]): Promise<T>;
}

/** Of an environment that stands in `describeWithJudges`. */
export const pythonOf = (environment: string): Python => pythonAt(interpreterOf(environment));

const pythonAt = (interpreter: string): Python => ({
  async json<T>(script: string, ...args: string[]): Promise<T> {
    return JSON.parse(await run(interpreter, [script, ...args])) as T;
  },
});
