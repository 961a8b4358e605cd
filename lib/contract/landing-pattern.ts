import { TerminalError } from '../errors.ts';

export interface LandingMatch {
  /** `yyyy-MM-dd` */
  readonly businessDate?: string;
}

export interface LandingPattern {
  match(key: string): LandingMatch | undefined;
}

/**
 * Sources and their tools give a file such a name until it is whole: it has not landed yet. A dot at the beginning: rsync; at the end: WinSCP
 * (`.filepart`), browsers (`.part`, `.crdownload`), others (`.tmp`, `~`). In a stage, too: SFTP lets a client upload under one name and rename it.
 */
export const isUnfinished = (key: string): boolean =>
  /(?:^|\/)\.|(?:~|\.(?:filepart|part|tmp|crdownload))$/i.test(key);

/** What the console of S3 and SFTP servers put for a folder that somebody makes: no file. */
export const isFolder = ({ key, bytes }: { readonly key: string; readonly bytes: number }): boolean =>
  key.endsWith('/') && bytes === 0;

const DIGITS: Readonly<Record<string, string>> = {
  yyyy: '(?<yyyy>\\d{4})',
  MM: '(?<MM>\\d{2})',
  dd: '(?<dd>\\d{2})',
};

/** More in one part would let a long key cost more than the square of its length. */
const MAX_STARS = 2;

/**
 * `payments/transactions/{businessDate:yyyy-MM-dd}/*.csv`: `*` stands for any text within one part of the key, one `**` for any
 * number of parts, also none, and `{businessDate:…}` for a date of the letters yyyy, MM, dd (a missing month or day is the first).
 * @throws TerminalError for a pattern that is unclear or can match no key
 */
export function compileLandingPattern(pattern: string): LandingPattern {
  const fail = (what: string): never => {
    throw new TerminalError(`landing pattern ${pattern}: ${what}`, { fault: 'contract', facts: { pattern } });
  };
  const parts = datesSpreadOut(pattern, fail).split('/');
  const deep = parts.indexOf('**');
  if (parts.indexOf('**', deep + 1) > deep && deep >= 0) fail('** is allowed once');
  const front = (deep < 0 ? parts : parts.slice(0, deep)).map((part) => partExpression(part, fail));
  const back = deep < 0 ? [] : parts.slice(deep + 1).map((part) => partExpression(part, fail));
  if (isUnfinished(pattern))
    fail(
      'names that begin with a dot, or end in .filepart, .part, .tmp, .crdownload or ~, are uploads under way',
    );
  return {
    match(key) {
      const given = key.split('/');
      const open = given.length - front.length - back.length;
      if (open < 0 || (deep < 0 && open > 0)) return undefined;
      const texts = [...given.slice(0, front.length), ...given.slice(front.length + open)];
      return dateOf([...front, ...back].map((expression, index) => expression.exec(texts[index] ?? '')));
    },
  };
}

type Fail = (what: string) => never;

/** `{businessDate:yyyy/MM}` to `{yyyy}/{MM}`, so that every `/` left is one of the key. */
function datesSpreadOut(pattern: string, fail: Fail): string {
  const seen: string[] = [];
  const spread = pattern.replace(/\{([^{}]*)\}/g, (_whole, field: string) => {
    const [, name = field, format = ''] = /^([^:]*):(.*)$/s.exec(field) ?? [];
    if (name !== 'businessDate') fail(`field ${name} is not known; allowed: businessDate`);
    return format.replace(/[A-Za-z]+/g, (letters) => {
      if (!/^(yyyy|MM|dd)+$/.test(letters))
        fail(`date letters ${letters} are not known; allowed: yyyy, MM, dd`);
      return letters.replace(/yyyy|MM|dd/g, (each) => {
        seen.push(each);
        return `{${each}}`;
      });
    });
  });
  if (/[{}]/.test(spread.replaceAll(/\{(yyyy|MM|dd)\}/g, ''))) fail('a brace has no partner');
  const sorted = seen.sort().join();
  if (/\{businessDate/.test(pattern) && !['yyyy', 'MM,yyyy', 'MM,dd,yyyy'].includes(sorted)) {
    fail('businessDate needs yyyy, then MM, then dd, each once');
  }
  return spread;
}

function partExpression(part: string, fail: Fail): RegExp {
  if (part === '' || part === '.' || part === '..') fail(`${JSON.stringify(part)} is no part of a key`);
  if (part.includes('**')) fail('** stands for whole parts; use * within one');
  if (part.split('*').length - 1 > MAX_STARS) fail(`* is allowed ${MAX_STARS} times in one part`);
  const source = part.replace(/\{(yyyy|MM|dd)\}|[^{]/g, (sign, letters: string | undefined) => {
    if (letters !== undefined) return DIGITS[letters] ?? '';
    return sign === '*' ? '.*' : sign.replace(/[.+?^${}()|[\]\\]/, '\\$&');
  });
  return new RegExp(`^${source}$`, 's');
}

function dateOf(found: readonly (RegExpExecArray | null)[]): LandingMatch | undefined {
  if (found.includes(null)) return undefined;
  const { yyyy, MM, dd } = Object.assign({}, ...found.map((each) => each?.groups));
  if (yyyy === undefined) return {};
  const businessDate = `${yyyy}-${MM ?? '01'}-${dd ?? '01'}`;
  return isDate(businessDate) ? { businessDate } : undefined;
}

const isDate = (text: string): boolean => {
  const date = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text);
};
