import { type Change, changed, type Effect } from './change.ts';
import type { BatchCheck, Dataset, Operator, RowAction, RowCheck, RowTest } from './dataset.ts';

/** Checks of rows and batches. Those of columns that come or go are part of that change. */
export function compareChecks(before: Dataset, after: Dataset): readonly Change[] {
  const names = (dataset: Dataset) => new Set(dataset.columns.map(({ name }) => name));
  const stays = ({ column }: RowCheck) =>
    column === undefined || (names(before).has(column) && names(after).has(column));
  return [
    ...pairs(before.rowChecks.filter(stays), after.rowChecks.filter(stays)).flatMap((pair) =>
      rowChange(pair, after.qualityScoreAbove !== undefined),
    ),
    ...pairs(before.batchChecks, after.batchChecks).flatMap(batchChange),
  ];
}

interface Pair<Check> {
  readonly key: string;
  readonly old?: Check;
  readonly fresh?: Check;
}

function pairs<Check extends { readonly key: string }>(
  before: readonly Check[],
  after: readonly Check[],
): readonly Pair<Check>[] {
  const keys = new Set([...before, ...after].map(({ key }) => key));
  return [...keys].map((key) => {
    const old = before.find((check) => check.key === key);
    const fresh = after.find((check) => check.key === key);
    return { key, ...(old === undefined ? {} : { old }), ...(fresh === undefined ? {} : { fresh }) };
  });
}

const REFUSES: Readonly<Record<RowAction | BatchCheck['action'], number>> = {
  warn: 0,
  quarantine: 1,
  hold: 1,
  rejectFile: 2,
};

/** What only warns lowers the quality score, too. */
function rowChange({ key, old, fresh }: Pair<RowCheck>, isScored: boolean): readonly Change[] {
  const change = changed(key, ruleText(old), ruleText(fresh));
  if (change === undefined) return [];
  const refuses = (check: RowCheck | undefined) => (check === undefined ? 0 : REFUSES[check.action]);
  const isLooser =
    fresh === undefined ||
    (old !== undefined && isWithin(old.test, fresh.test) && refuses(fresh) <= refuses(old));
  if (!isLooser && isScored && fresh.action === 'warn')
    return [{ ...change, effect: 'breaking', because: 'batches may be held for their quality score' }];
  return [{ ...change, ...judged(isLooser, refuses(fresh) > 0, 'rows') }];
}

function batchChange({ key, old, fresh }: Pair<BatchCheck>): readonly Change[] {
  const change = changed(key, batchText(old), batchText(fresh));
  if (change === undefined) return [];
  const same = JSON.stringify([old?.measure, old?.unit]) === JSON.stringify([fresh?.measure, fresh?.unit]);
  const isLooser =
    fresh === undefined ||
    (old !== undefined &&
      same &&
      isInside(old.operator, fresh.operator) &&
      REFUSES[fresh.action] <= REFUSES[old.action]);
  return [{ ...change, ...judged(isLooser, fresh !== undefined && REFUSES[fresh.action] > 0, 'batches') }];
}

function judged(
  isLooser: boolean,
  refuses: boolean,
  of: string,
): { readonly effect: Effect; readonly because: string } {
  if (isLooser) return { effect: 'compatible', because: `no more ${of} are refused than before` };
  if (!refuses) return { effect: 'compatible', because: 'it only warns' };
  return { effect: 'breaking', because: `${of} that passed may be refused` };
}

const ruleText = (check: RowCheck | undefined) =>
  check === undefined ? undefined : JSON.stringify({ ...check.test, action: check.action });
const batchText = (check: BatchCheck | undefined) =>
  check === undefined
    ? undefined
    : JSON.stringify({ measure: check.measure, ...check.operator, unit: check.unit, action: check.action });

/** Whether every value that passes `before` passes `after` too. */
function isWithin(before: RowTest, after: RowTest): boolean {
  if (JSON.stringify(before) === JSON.stringify(after)) return true;
  switch (after.kind) {
    case 'allowed':
      return before.kind === 'allowed' && before.values.every((value) => after.values.includes(value));
    case 'forbidden':
      return before.kind === 'forbidden' && after.values.every((value) => before.values.includes(value));
    case 'length':
      return (
        before.kind === 'length' &&
        atLeast(before.min, after.min) &&
        atLeast(negated(before.max), negated(after.max))
      );
    case 'range':
      return before.kind === 'range' && isRangeWithin(before, after);
    case 'multipleOf':
      return before.kind === 'multipleOf' && isMultiple(before.of, after.of);
    case 'required':
    case 'pattern':
    case 'predicate':
      return false;
  }
}

const negated = (bound: number | undefined): number | undefined => (bound === undefined ? undefined : -bound);
/** The old lower bound is at least the new one, where there is a new one. */
const atLeast = (before: number | undefined, after: number | undefined): boolean =>
  after === undefined || (before !== undefined && before >= after);

type Range = Extract<RowTest, { kind: 'range' }>;

/** Bounds are compared as numbers where they are some, and dates as texts, which their notation sorts. */
function isRangeWithin(before: Range, after: Range): boolean {
  const least = (left: string, right: string): number => {
    if (!Number.isNaN(Number(left)) && !Number.isNaN(Number(right))) return Number(left) - Number(right);
    const [a, b] = [left, right].map(momentOf) as [string, string];
    return a < b ? -1 : a > b ? 1 : 0;
  };
  const low = [before.min, before.exclusiveMin].filter((bound) => bound !== undefined);
  const high = [before.max, before.exclusiveMax].filter((bound) => bound !== undefined);
  const isAbove = (bound: string | undefined, strict: boolean) =>
    bound === undefined ||
    low.some((each) =>
      strict && each !== before.exclusiveMin ? least(each, bound) > 0 : least(each, bound) >= 0,
    );
  const isBelow = (bound: string | undefined, strict: boolean) =>
    bound === undefined ||
    high.some((each) =>
      strict && each !== before.exclusiveMax ? least(each, bound) < 0 : least(each, bound) <= 0,
    );
  return (
    isAbove(after.min, false) &&
    isAbove(after.exclusiveMin, true) &&
    isBelow(after.max, false) &&
    isBelow(after.exclusiveMax, true)
  );
}

/** A day is its first moment, `T` is a blank, and zeros at the end of a fraction say nothing. */
const momentOf = (text: string): string =>
  `${text.replace('T', ' ')}${text.length === 10 ? ' 00:00:00' : ''}`.replace(/[.]0+$|(?<=[.]\d*)0+$/, '');

/** Whether steps of `before` are steps of `after` too, exactly. */
function isMultiple(before: string, after: string): boolean {
  const digits = Math.max(...[before, after].map((text) => text.split('.')[1]?.length ?? 0));
  const scaled = (text: string) => {
    const [whole = '0', fraction = ''] = text.split('.');
    return BigInt(`${whole}${fraction.padEnd(digits, '0')}`);
  };
  return scaled(after) !== 0n && scaled(before) % scaled(after) === 0n;
}

/** Whether every number that satisfies `before` satisfies `after` too. */
function isInside(before: Operator, after: Operator): boolean {
  if (JSON.stringify(before) === JSON.stringify(after)) return true;
  const [low, high] = bounds(before);
  const [lowest, highest] = bounds(after);
  if ([low, lowest].includes(undefined)) return false;
  const isOpen = (operator: Operator) => operator.kind === 'gt' || operator.kind === 'lt';
  const strict = isOpen(after) && !isOpen(before);
  const [a = 0, b = 0, c = 0, d = 0] = [low, lowest, highest, high];
  return (strict && Number.isFinite(b) ? a > b : a >= b) && (strict && Number.isFinite(c) ? d < c : d <= c);
}

/** Undefined for what is no range. */
function bounds(operator: Operator): readonly [number | undefined, number | undefined] {
  switch (operator.kind) {
    case 'eq':
      return [operator.value, operator.value];
    case 'gt':
    case 'ge':
      return [operator.value, Number.POSITIVE_INFINITY];
    case 'lt':
    case 'le':
      return [Number.NEGATIVE_INFINITY, operator.value];
    case 'between':
      return [operator.low, operator.high];
    case 'ne':
    case 'notBetween':
      return [undefined, undefined];
  }
}
