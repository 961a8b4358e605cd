import type { Dataset } from '../contract/dataset.ts';
import type { PlanInput } from '../plan/plan.ts';

/** Looks at the values of sample files, to propose a contract for them. */
export interface Profiler {
  /** Reads every record of the files once, as texts; the table is gone when `work` ends. */
  withTable<T>(
    inputs: readonly PlanInput[],
    columns: readonly string[],
    work: (table: SampleTable) => Promise<T>,
  ): Promise<T>;
}

export interface SampleTable {
  /** Records that could be split. */
  readonly records: number;
  /** Records that could not. */
  readonly malformed: number;
  columns(): Promise<readonly ColumnFacts[]>;
  /** Every row under every check of the dataset, exactly as a run would judge it. */
  failures(dataset: Dataset): Promise<readonly Failure[]>;
  /** Rows beyond the first of each group of rows that are equal in these columns; without columns, in all. */
  repeats(columns: readonly string[]): Promise<number>;
}

/** About all values of a column; only `sample` is a part of them. */
export interface ColumnFacts {
  readonly name: string;
  /** Values that are neither null nor empty or blank. */
  readonly filled: number;
  /** Values with blanks around them. */
  readonly padded: number;
  /** Different values; about 2 percent wrong. */
  readonly distinct: number;
  readonly longest: number;
  /** Different values from all over the files, at most a few thousand. Blanks around them are kept, empty ones left out. */
  readonly sample: readonly string[];
  /** All different values with the number of their rows, the most frequent first, where there are few. */
  readonly values?: readonly { readonly text: string; readonly rows: number }[];
}

export interface Failure {
  /** Key of the check, such as `amount.type`. */
  readonly check: string;
  readonly column?: string;
  readonly rows: number;
  /** Some of the texts that failed. */
  readonly examples: readonly string[];
}
