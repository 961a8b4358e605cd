import type { Plan, RunResult } from '../plan/plan.ts';

/** Executes a plan. Writes only under the prefixes of the plan's outputs, so that a half-finished run is invisible. */
export interface Engine {
  /** @throws TerminalError when the same plan can't succeed, TransientError when it may (no memory, no disk, killed). */
  execute(plan: Plan): Promise<RunResult>;
}
