import type { FileTally } from '../plan/plan.ts';

/** What a steward needs to judge a batch. */
export interface Quality {
  /**
   * Share of the received records, in percent, that fail no check of the contract: neither one that refuses a row nor one that only warns.
   * 100 where nothing was received.
   */
  readonly score: number;
  readonly received: number;
  /** Failing records by check or reason, most first. What only loses to another row fails nothing. */
  readonly failing: Readonly<Record<string, number>>;
}

const NO_FAILURE: readonly string[] = ['row.duplicate', 'row.superseded'];

export function qualityOf(tallies: readonly FileTally[]): Quality {
  const sum = (count: (tally: FileTally) => number) => tallies.reduce((all, tally) => all + count(tally), 0);
  const received = sum(({ parsed }) => parsed);
  const keys = [...new Set(tallies.flatMap(({ checks }) => Object.keys(checks)))];
  const failing = keys
    .filter((key) => !NO_FAILURE.includes(key))
    .map((key) => [key, sum(({ checks }) => checks[key] ?? 0)] as const)
    .sort(([a, many], [b, more]) => more - many || (a < b ? -1 : 1));
  return {
    score: received === 0 ? 100 : (100 * sum(({ clean }) => clean)) / received,
    received,
    failing: Object.fromEntries(failing),
  };
}

/** Rounded down: a score that misses its limit never looks as if it met it. */
export const scoreText = ({ score }: Pick<Quality, 'score'>): string =>
  (Math.floor(score * 100) / 100).toFixed(2);

/** `status.type 3, rule.known 1`. */
export const failingText = ({ failing }: Pick<Quality, 'failing'>): string =>
  Object.entries(failing)
    .map(([check, rows]) => `${check} ${rows}`)
    .join(', ');
