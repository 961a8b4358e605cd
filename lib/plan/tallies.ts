import type { FileTally, OutputResult, Plan, RunResult } from './plan.ts';

/** A row of a measure; numbers come as text where they may pass 2^53 or are decimal. */
export interface MeasuredRow {
  readonly name: string;
  readonly _file: number | null;
  readonly number?: number;
  readonly code?: string;
  readonly value: string | number | null;
}

/** Measures of a run, gathered per file and per batch check. */
export function fileTallies(plan: Plan, rows: readonly MeasuredRow[]): Pick<RunResult, 'tallies' | 'batch'> {
  const byFile = Map.groupBy(rows, ({ _file }) => _file);
  const batch = rows.flatMap(({ name, value }) =>
    name.startsWith('batch:') ? [[name.slice('batch:'.length), numberOf(value)] as const] : [],
  );
  return {
    tallies: plan.inputs.map(({ fileId }, file) => tally(plan, fileId, byFile.get(file) ?? [])),
    batch: Object.fromEntries(batch),
  };
}

/** Of what a query of a contract answers: null where that is no number, as over no rows. A quotient by zero is none. */
export function numberOf(value: unknown): number | null {
  const number = value === null || value === undefined ? Number.NaN : Number(value);
  return Number.isFinite(number) ? number : null;
}

const WIDER = 'wider:';

function tally(plan: Plan, fileId: string, rows: readonly MeasuredRow[]): FileTally {
  const sum = (measure: string) =>
    rows.filter(({ name }) => name === measure).reduce((total, { value }) => total + Number(value), 0);
  const checks: Record<string, number> = {};
  for (const { name, number, code, value } of rows) {
    const key = name === 'check' ? plan.checks[number ?? -1]?.key : name === 'reject' ? code : undefined;
    if (key !== undefined) checks[key] = Number(value);
  }
  for (const reason of ['duplicate', 'superseded']) {
    if (sum(reason) > 0) checks[`row.${reason}`] = sum(reason);
  }
  const wider = Object.fromEntries(
    rows.flatMap(({ name, value }) =>
      name.startsWith(WIDER) && value !== null ? [[name.slice(WIDER.length), Number(value)] as const] : [],
    ),
  );
  const controlSum = rows.find(({ name }) => name === 'controlSum')?.value;
  return {
    fileId,
    parsed: sum('parsed'),
    published: sum('published'),
    quarantined: sum('quarantined'),
    deduplicated: sum('deduplicated'),
    clean: sum('clean'),
    checks,
    ...(Object.keys(wider).length === 0 ? {} : { wider }),
    ...(controlSum === undefined || controlSum === null ? {} : { controlSum: String(controlSum) }),
  };
}

/** How many rows of removed files each output wrote again, and how many are gone. */
export function withRemovals(
  outputs: readonly OutputResult[],
  rows: readonly MeasuredRow[],
): readonly OutputResult[] {
  const sum = (measure: string) =>
    rows.filter(({ name }) => name === measure).reduce((total, { value }) => total + Number(value), 0);
  return outputs.map((output) => ({
    ...output,
    kept: sum(`kept:${output.name}`),
    lost: sum(`lost:${output.name}`),
    derived: sum(`derived:${output.name}`),
  }));
}

/** A row of `Plan.losses`: file ids. */
export interface Loss {
  readonly winner: string;
  readonly loser: string;
}

export function lossesByWinner(rows: readonly Loss[]): RunResult['losses'] {
  const byWinner = Map.groupBy(rows, ({ winner }) => winner);
  // In order: which row an engine gives first means nothing.
  return Object.fromEntries(
    [...byWinner].map(([winner, lost]) => [winner, lost.map(({ loser }) => loser).sort()]),
  );
}
