import type { BatchCheck, Dataset, Operator } from '../contract/dataset.ts';
import type { FileEntry, Reason } from '../ledger/entries.ts';
import type { FileTally, RunResult } from '../plan/plan.ts';
import { failingText, qualityOf, scoreText } from './score.ts';

/**
 * Why a batch is held: too large a share of refused rows, or too low a quality score, of a file or of the batch, or a failed batch rule with `onFailure: hold`.
 * Files that a person has waived through count no more.
 */
export function gate(dataset: Dataset, files: readonly FileEntry[], result: RunResult): readonly Reason[] {
  const judged = files.filter(({ waivedBy }) => waivedBy === undefined);
  if (judged.length === 0) return [];
  const ids = new Set(judged.map(({ fileId }) => fileId));
  const tallies = result.tallies.filter(({ fileId }) => ids.has(fileId));
  const limit = dataset.maxRejectPercent;
  const perFile = tallies.flatMap(({ fileId, quarantined, parsed }) =>
    tooMany(quarantined, parsed, limit)
      ? [
          held(
            'file.share',
            `file ${fileId}: ${share(quarantined, parsed)} of the rows are refused, allowed are ${limit} percent`,
            [fileId],
          ),
        ]
      : [],
  );
  const quarantined = tallies.reduce((sum, tally) => sum + tally.quarantined, 0);
  const parsed = tallies.reduce((sum, tally) => sum + tally.parsed, 0);
  const whole = tooMany(quarantined, parsed, limit)
    ? [
        held(
          'batch.share',
          `${share(quarantined, parsed)} of the batch's rows are refused, allowed are ${limit} percent`,
        ),
      ]
    : [];
  const rules = dataset.batchChecks.flatMap((check) =>
    check.action === 'hold' && !passesRule(check, result.batch[check.key] ?? null)
      ? [held('batch.rule', finding(check, result.batch[check.key] ?? null))]
      : [],
  );
  const scores = [
    ...(tallies.length < 2 ? [] : tallies.flatMap((each) => lowScore(dataset, [each], 'file'))),
    ...lowScore(dataset, tallies, 'batch'),
  ];
  return [...perFile, ...whole, ...scores, ...rules];
}

function lowScore(
  { qualityScoreAbove: limit }: Dataset,
  tallies: readonly FileTally[],
  what: 'file' | 'batch',
): readonly Reason[] {
  const quality = qualityOf(tallies);
  if (limit === undefined || quality.score > limit) return [];
  const subject = what === 'file' ? `file ${tallies[0]?.fileId}` : 'the batch';
  return [
    held(
      what === 'file' ? 'file.score' : 'batch.score',
      `${subject} has the quality score ${scoreText(quality)}, published is what is above ${limit}; failing: ${failingText(quality)}`,
      what === 'file' ? tallies.map(({ fileId }) => fileId) : undefined,
    ),
  ];
}

const held = (code: string, message: string, files?: readonly string[]): Reason => ({
  code,
  message,
  ...(files === undefined ? {} : { files }),
});

const tooMany = (refused: number, all: number, percent: number): boolean =>
  all > 0 && (100 * refused) / all > percent;

const share = (refused: number, all: number): string =>
  `${((100 * refused) / all).toFixed(1)} percent (${refused} of ${all})`;

/** A rule without a number has failed: nobody knows what it would have found. */
export const passesRule = ({ operator }: BatchCheck, value: number | null): boolean =>
  value !== null && holdsTrue(operator, value);

/** What a rule that failed has found. */
export const finding = (rule: BatchCheck, value: number | null): string =>
  value === null
    ? `${rule.key} gives no number (NULL, as over no rows), ${expected(rule)}; let its query say what that counts as, with coalesce`
    : `${rule.key} is ${value}, ${expected(rule)}`;

function holdsTrue(operator: Operator, value: number): boolean {
  switch (operator.kind) {
    case 'eq':
      return value === operator.value;
    case 'ne':
      return value !== operator.value;
    case 'gt':
      return value > operator.value;
    case 'ge':
      return value >= operator.value;
    case 'lt':
      return value < operator.value;
    case 'le':
      return value <= operator.value;
    case 'between':
      return value >= operator.low && value <= operator.high;
    case 'notBetween':
      return value < operator.low || value > operator.high;
  }
}

export const expected = ({ operator }: BatchCheck): string =>
  'value' in operator
    ? `expected ${operator.kind} ${operator.value}`
    : `expected ${operator.kind} ${operator.low} and ${operator.high}`;
