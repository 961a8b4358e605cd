import { type DateLetter, datePatternParts } from '../date-pattern.ts';
import { ISO_DATE, ISO_TIMESTAMP } from './values.ts';

export interface DateForm {
  readonly kind: 'date' | 'timestamp';
  /** JDK patterns; none: ISO 8601. */
  readonly formats: readonly string[];
  /** The texts do not tell day from month; the other order would read them all too. */
  readonly ambiguous?: boolean;
  readonly hasOffset?: boolean;
}

const MONTHS = 'Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec';
const LONG_MONTHS = 'January|February|March|April|May|June|July|August|September|October|November|December';
const EXPRESSIONS: Readonly<Record<DateLetter, string>> = {
  yyyy: '[12]\\d{3}',
  uuuu: '[12]\\d{3}',
  yy: '\\d{2}',
  MM: '(0[1-9]|1[0-2])',
  M: '([1-9]|1[0-2])',
  MMM: `(${MONTHS})`,
  MMMM: `(${LONG_MONTHS})`,
  dd: '(0[1-9]|[12]\\d|3[01])',
  d: '([1-9]|[12]\\d|3[01])',
  HH: '([01]\\d|2[0-3])',
  H: '(\\d|1\\d|2[0-3])',
  hh: '(0[1-9]|1[0-2])',
  h: '([1-9]|1[0-2])',
  mm: '[0-5]\\d',
  ss: '[0-5]\\d',
  SSS: '\\d{3}',
  SSSSSS: '\\d{6}',
  a: '(AM|PM)',
};

const DAY_FIRST = ['dd/MM/yy', 'd/M/yy', 'dd/MM/yyyy', 'd/M/yyyy'];
const MONTH_FIRST = ['MM/dd/yy', 'M/d/yy', 'MM/dd/yyyy', 'M/d/yyyy'];
const SEPARATORS = ['/', '-', '.', ' '];
const separated = (patterns: readonly string[]): readonly string[] =>
  SEPARATORS.flatMap((sign) => patterns.map((pattern) => pattern.replaceAll('/', sign)));
const NEUTRAL = [
  ...separated(['yyyy/MM/dd', 'yyyy/M/d', 'dd/MMM/yyyy', 'd/MMM/yyyy', 'dd/MMM/yy', 'd/MMM/yy']),
  'd MMMM yyyy',
  'MMM d, yyyy',
  'MMMM d, yyyy',
];
const TIMES = [
  'HH:mm',
  'H:mm',
  'HH:mm:ss',
  'H:mm:ss',
  'HH:mm:ss.SSS',
  'HH:mm:ss.SSSSSS',
  'h:mm a',
  'hh:mm a',
  'h:mm:ss a',
  'hh:mm:ss a',
];
const withTimes = (dates: readonly string[]): readonly string[] =>
  dates.flatMap((date) => [date, ...TIMES.flatMap((time) => [`${date} ${time}`, `${date}'T'${time}`])]);

interface Pattern {
  readonly pattern: string;
  readonly expression: RegExp;
}

const compiled = (patterns: readonly string[]): readonly Pattern[] =>
  patterns.map((pattern) => ({
    pattern,
    expression: new RegExp(
      `^${datePatternParts(pattern)
        .map((part) =>
          part.kind === 'letter'
            ? EXPRESSIONS[part.letter]
            : part.text.replaceAll(/[.*+?^${}()|[\]\\/]/g, '\\$&'),
        )
        .join('')}$`,
    ),
  }));

let families: { readonly dayFirst: readonly Pattern[]; readonly monthFirst: readonly Pattern[] } | undefined;

/** Two thousand expressions, compiled when the first text looks like a date. */
function patternFamilies() {
  if (families === undefined) {
    const neutral = compiled(withTimes(NEUTRAL));
    families = {
      dayFirst: [...neutral, ...compiled(withTimes(separated(DAY_FIRST)))],
      monthFirst: [...neutral, ...compiled(withTimes(separated(MONTH_FIRST)))],
    };
  }
  return families;
}

/** The fewest patterns that print all of the texts; undefined where the texts are no dates. */
export function dateFormOf(texts: readonly string[]): DateForm | undefined {
  const [first] = texts;
  if (first === undefined || first.length > 40 || !/\d/.test(first)) return undefined;
  if (texts.every((text) => ISO_DATE.test(text))) return { kind: 'date', formats: [] };
  if (texts.every((text) => ISO_TIMESTAMP.test(text)))
    return {
      kind: 'timestamp',
      formats: [],
      hasOffset: texts.some((text) => /(Z|[+-]\d{2}:?\d{2})$/.test(text)),
    };
  const { dayFirst, monthFirst } = patternFamilies();
  const days = cover(texts, dayFirst);
  const months = cover(texts, monthFirst);
  const formats = betterOf(days, months, texts);
  if (formats === undefined) return undefined;
  const ambiguous = days !== undefined && months !== undefined && days.join() !== months.join();
  return {
    kind: formats.some((format) => /[Hh]/.test(format)) ? 'timestamp' : 'date',
    formats,
    ...(ambiguous ? { ambiguous } : {}),
  };
}

/** Where both orders read everything: a slash is written month first more often, other signs day first. */
function betterOf(
  days: readonly string[] | undefined,
  months: readonly string[] | undefined,
  texts: readonly string[],
): readonly string[] | undefined {
  if (days === undefined || months === undefined) return days ?? months;
  return texts[0]?.includes('/') === true ? months : days;
}

const MOST_PATTERNS = 6;

function cover(texts: readonly string[], patterns: readonly Pattern[]): readonly string[] | undefined {
  const chosen: string[] = [];
  let open = texts;
  while (open.length > 0) {
    const [next = ''] = open;
    const candidates = patterns.filter(({ expression }) => expression.test(next));
    let best: { readonly pattern: string; readonly left: readonly string[] } | undefined;
    for (const { pattern, expression } of candidates) {
      const left = open.filter((text) => !expression.test(text));
      if (best === undefined || left.length < best.left.length) best = { pattern, left };
    }
    if (best === undefined || chosen.length === MOST_PATTERNS) return undefined;
    chosen.push(best.pattern);
    open = best.left;
  }
  return chosen.sort();
}

/** Whether every text is a day written as eight digits, in the years of living people and their files. */
export const areCompactDates = (texts: readonly string[]): boolean =>
  texts.length > 0 && texts.every((text) => /^(19|20)\d{2}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])$/.test(text));
