import type { BatchCheck } from '../contract/dataset.ts';
import type { Plan, RunResult } from '../plan/plan.ts';
import { expected, holdsTrue } from './gate.ts';

/**
 * `pass`; `warn` and `fail`: somebody should look, and what the check found stands in the table (`warn`) or was kept out of it, or was not to be there
 * at all (`fail`); `unknown`: it could not be judged, the message says why.
 */
export type Outcome = 'pass' | 'warn' | 'fail' | 'unknown';

/** One check and what it found: the same of a run and of the daily look. */
export interface CheckResult {
  /** Key of the check in the contract, or what the daily look calls it. */
  readonly check: string;
  readonly outcome: Outcome;
  /** What was counted or computed; null where it could not be. */
  readonly value: number | null;
  /** Rows that it was counted among. */
  readonly rows?: number;
  readonly expected?: string;
  /** For people; never the value of a row. */
  readonly message?: string;
}

/** Every check of a run's plan over the rows that came, and every rule over the batch that is published. */
export function resultsOf(
  plan: Pick<Plan, 'checks'>,
  rules: readonly BatchCheck[],
  { tallies, batch }: Pick<RunResult, 'tallies' | 'batch'>,
): readonly CheckResult[] {
  const rows = tallies.reduce((sum, { parsed }) => sum + parsed, 0);
  const failing = (key: string) => tallies.reduce((sum, { checks }) => sum + (checks[key] ?? 0), 0);
  return [
    ...plan.checks.map(({ key, action }): CheckResult => {
      const value = failing(key);
      return { check: key, outcome: value === 0 ? 'pass' : action === 'warn' ? 'warn' : 'fail', value, rows };
    }),
    ...rules.map((rule): CheckResult => {
      const value = batch[rule.key] ?? 0;
      return ruleResult(rule, value);
    }),
  ];
}

export const ruleResult = (rule: BatchCheck, value: number): CheckResult => ({
  check: rule.key,
  outcome: holdsTrue(rule.operator, value) ? 'pass' : rule.action === 'warn' ? 'warn' : 'fail',
  value,
  expected: expected(rule),
});
