import type { Job, Measured } from '../measure.ts';
import type { Curve } from '../report.ts';
import type { Target } from '../results.ts';
import type { Size } from '../sizes.ts';

/** What a scenario works with. */
export interface Bench {
  readonly size: Size;
  /** A generated file of transactions of so many megabytes. */
  readonly input: (megabytes: number) => string;
  /** Runs a job; one that fails is a failure of the benchmark, and its figures are no numbers. */
  readonly measure: (job: Job, inspect?: (folder: string) => void) => Measured;
  /** Targets are held from size medium on. */
  readonly record: (what: string, figures: readonly number[], unit: string, target?: Target) => void;
  readonly curve: (curve: Curve) => void;
  readonly fail: (why: string) => void;
}

export interface Scenario {
  readonly title: string;
  readonly run: (bench: Bench) => void;
}
