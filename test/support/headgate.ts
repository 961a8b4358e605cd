import { execFile } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Mart, parseMart } from '../../lib/reports/marts.ts';

export const ROOT = join(import.meta.dirname, '../..');
export const SHARED = join(ROOT, '../shared');

export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command line as a person would, in a process of its own. */
export function headgate(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Finished> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [join(ROOT, 'bin/headgate.mjs'), ...args],
      { cwd: ROOT, env: { ...process.env, NODE_OPTIONS: '', ...environment }, maxBuffer: 64 * 1024 * 1024 },
      (error, stdout, stderr) =>
        resolve({
          code: typeof error?.code === 'number' ? error.code : error === null ? 0 : 1,
          stdout,
          stderr,
        }),
    );
  });
}

export interface FileRow {
  readonly file: string;
  readonly status: string;
  readonly received: number;
  readonly published: number;
  readonly quarantined: number;
  readonly deduplicated: number;
  readonly why: string;
}

export const json = <Value>(finished: Finished): Value => JSON.parse(finished.stdout) as Value;

/** The marts of sql/. */
export const marts = (): readonly Mart[] =>
  globSync(join(ROOT, 'sql/*/*.sql'))
    .sort()
    .map((file) => parseMart(file, readFileSync(file, 'utf8')));
