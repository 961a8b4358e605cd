import { median } from './measure.ts';

export interface Target {
  readonly most?: number;
  readonly least?: number;
}

export interface Result {
  readonly scenario: string;
  readonly what: string;
  readonly min: number;
  readonly median: number;
  readonly max: number;
  readonly unit: string;
  readonly target?: Target;
}

export function resultOf(
  scenario: string,
  what: string,
  figures: readonly number[],
  unit: string,
  target?: Target,
): Result {
  // Of a part that failed once the other runs still count; the failure is told of by itself.
  const known = figures.filter((figure) => !Number.isNaN(figure));
  const [min, max] = known.length === 0 ? [Number.NaN, Number.NaN] : [Math.min(...known), Math.max(...known)];
  const middle = { min: round(min), median: round(median(figures)), max: round(max) };
  return { scenario, what, ...middle, unit, ...(target === undefined ? {} : { target }) };
}

/** Three figures that say something, whatever the size. */
export const round = (value: number): number => Number(value.toPrecision(3));

/** By how much results miss their targets, in words. A figure that is no number has missed. */
export const missed = (results: readonly Result[]): readonly string[] =>
  results.flatMap(({ scenario, what, median: figure, unit, target }) => {
    if (target === undefined) return [];
    if (Number.isNaN(figure)) return [`${scenario}: ${what} has no figure, target ${textOf(target)}`];
    const { most = Number.POSITIVE_INFINITY, least = Number.NEGATIVE_INFINITY } = target;
    if (figure <= most && figure >= least) return [];
    const bound = figure > most ? most : least;
    return [
      `${scenario}: ${what} is ${figure} ${unit}, target ${textOf(target)}: missed by ${percent(figure, bound)}`,
    ];
  });

const percent = (figure: number, bound: number): string =>
  `${Math.round((Math.abs(figure - bound) / bound) * 100)} percent`;

export const textOf = ({ most, least }: Target): string =>
  most === undefined ? `at least ${least}` : `at most ${most}`;
