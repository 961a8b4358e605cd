import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

export const ROOT = join(import.meta.dirname, '..');
export const WORK = join(ROOT, '.bench');

/** A program that gets `arguments` and then a folder for its output, and prints what it measured as one line of JSON. */
export interface Job {
  readonly program: string;
  readonly arguments: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

export interface Measured {
  /** Of the job alone: interpreter and libraries are loaded already. */
  readonly seconds: number;
  /** From the start of the process to its end. */
  readonly wall: number;
  readonly peakMegabytes: number;
  /** Further figures of a part that measures several things at once. */
  readonly figures: Readonly<Record<string, number>>;
}

/** A part of a program of this folder in a process of its own. */
export const partOf =
  (program: string) =>
  (name: string, ...args: string[]): Job => ({
    program: process.execPath,
    arguments: ['--disable-warning=ExperimentalWarning', join(import.meta.dirname, program), name, ...args],
  });

export const part = partOf('part.ts');

/** Runs a job in an empty folder that is removed after `inspect` has seen it. @throws Error with what the job printed when it fails */
export function run(job: Job, inspect: (folder: string) => void = () => {}): Measured {
  const folder = join(WORK, 'runs', randomUUID());
  mkdirSync(folder, { recursive: true });
  try {
    const start = performance.now();
    const { stdout, stderr, status, error } = spawnSync(job.program, [...job.arguments, folder], {
      encoding: 'utf8',
      cwd: ROOT,
      env: { ...process.env, ...job.environment },
      maxBuffer: 1e9,
      // One that hangs fails the benchmark; 4 GB on local Spark takes a part of it.
      timeout: 3_600_000,
    });
    const wall = (performance.now() - start) / 1000;
    if (status !== 0) throw new Error(`${error?.message ?? ''}${(stderr ?? '').slice(-4000)}`);
    const printed = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Omit<Measured, 'wall'>;
    inspect(folder);
    return { ...printed, wall };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Exponent of the power law through points (x, y): least squares on their logarithms. 1 is linear, 0 is flat. */
export function exponent(points: readonly (readonly [number, number])[]): number {
  const logs = points.map(([x, y]) => [Math.log(x), Math.log(y)] as const);
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [x0, y0] = [mean(logs.map(([x]) => x)), mean(logs.map(([, y]) => y))];
  const spread = logs.reduce((sum, [x]) => sum + (x - x0) ** 2, 0);
  return logs.reduce((sum, [x, y]) => sum + (x - x0) * (y - y0), 0) / spread;
}

/** By how much a line through the last two thirds of points (x, y) rises from their first to their last x, of what it begins with: 1 is flat. Its slope is the median of those between all pairs (Theil and Sen), so that single samples do not bend it. */
export function rise(points: readonly (readonly [number, number])[]): number {
  const late = points.slice(Math.floor(points.length / 3));
  const slopes = late.flatMap(([x, y], index) =>
    late
      .slice(index + 1)
      .filter(([other]) => other !== x)
      .map(([other, value]) => (value - y) / (other - x)),
  );
  const slope = median(slopes);
  const [from = Number.NaN] = late[0] ?? [];
  const [to = Number.NaN] = late.at(-1) ?? [];
  const begins = median(late.map(([x, y]) => y - slope * (x - from)));
  return 1 + (slope * (to - from)) / begins;
}

/** The middle of an odd number of figures, the upper one of the two middle ones of an even number. Those of runs that failed are no numbers and do not count. */
export function median(figures: readonly number[]): number {
  const known = figures.filter((figure) => !Number.isNaN(figure)).sort((a, b) => a - b);
  return known[Math.floor(known.length / 2)] ?? Number.NaN;
}

export const times = <T>(count: number, action: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => action(index));
