import type { BatchCheck } from '../contract/dataset.ts';
import type { CheckResult } from '../ledger/entries.ts';
import type { Plan, RunResult } from '../plan/plan.ts';
import { expected, finding, passesRule } from './gate.ts';

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
    ...rules.map((rule) => ruleResult(rule, batch[rule.key] ?? null)),
  ];
}

export const ruleResult = (rule: BatchCheck, value: number | null): CheckResult => ({
  check: rule.key,
  outcome: passesRule(rule, value) ? 'pass' : rule.action === 'warn' ? 'warn' : 'fail',
  value,
  expected: expected(rule),
  ...(value === null ? { message: finding(rule, value) } : {}),
});
