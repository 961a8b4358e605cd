import type { Job, Measured } from '../measure.ts';
import type { Curve } from '../report.ts';
import type { Target } from '../results.ts';
import type { Size } from '../sizes.ts';

/** What a scenario works with. */
export interface Bench {
  readonly size: Size;
  /** A generated file of transactions of so many megabytes. */
  readonly input: (megabytes: number) => string;
  /** A file of real invoice lines of so many megabytes. */
  readonly sales: (megabytes: number) => string;
  /** Runs a job; one that fails, or can't be made because its environment is missing, is a failure of the benchmark, and its figures are no numbers. */
  readonly measure: (job: Job | (() => Job), inspect?: (folder: string) => void) => Measured;
  /** Targets are held from size medium on. */
  readonly record: (what: string, figures: readonly number[], unit: string, target?: Target) => void;
  readonly curve: (curve: Curve) => void;
  readonly fail: (why: string) => void;
}

export interface Scenario {
  readonly title: string;
  readonly run: (bench: Bench) => void;
}

export interface Taking {
  readonly benchOf: (title: string) => Bench;
  readonly fail: (why: string, error: unknown) => void;
  /** Called after each scenario with the titles of those that are still to come. */
  readonly done: (remaining: readonly string[]) => void;
}

/** One after the other; one that fails is told of, and the next is taken. */
export function takeAll(scenarios: readonly Scenario[], { benchOf, fail, done }: Taking): void {
  for (const [index, { title, run }] of scenarios.entries()) {
    const begun = performance.now();
    console.log(title);
    try {
      run(benchOf(title));
    } catch (error) {
      fail(`${title}: stopped half-way`, error);
    }
    console.log(`  took ${((performance.now() - begun) / 60_000).toFixed(1)} minutes`);
    done(scenarios.slice(index + 1).map((next) => next.title));
  }
}
