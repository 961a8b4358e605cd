import type { Plan, RunResult } from '../plan/plan.ts';

/** What the state machine hands to a job outside it. */
export interface JobReference {
  /** Address of the job document. */
  readonly address: string;
  /** Where the job finds the keys, never the keys. */
  readonly secrets: string;
}

/** Plans that a job executes which the state machine starts itself and waits for. */
export interface Jobs {
  /** Stores what the job needs. Doing it again gives the same. */
  store(plan: Plan): Promise<JobReference>;
  /** The accepted answer of a run, undefined while there is none. */
  answer(plan: Plan): Promise<RunResult | undefined>;
}
