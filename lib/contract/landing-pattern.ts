import { TerminalError } from '../errors.ts';

export interface LandingMatch {
  /** `yyyy-MM-dd` */
  readonly businessDate?: string;
}

export interface LandingPattern {
  match(key: string): LandingMatch | undefined;
}

const DATE_PARTS: Readonly<Record<string, string>> = {
  yyyy: '(?<year>\\d{4})',
  MM: '(?<month>\\d{2})',
  dd: '(?<day>\\d{2})',
};

/**
 * `payments/transactions/{businessDate:yyyy-MM-dd}/*.csv`: `*` stands for any text within one part of the key, `**` for any
 * parts, a named field with a date pattern for a date. @throws TerminalError for another field or an unknown date letter
 */
export function compileLandingPattern(pattern: string): LandingPattern {
  const source = pattern.replace(/\{([^}]*)\}|\*\*|\*|[^{*]+/g, (part, field: string | undefined) => {
    if (field !== undefined) return dateSource(field, pattern);
    if (part === '**') return '.*';
    if (part === '*') return '[^/]*';
    return part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  });
  const expression = new RegExp(`^${source}$`, 's');
  return {
    match(key) {
      const found = expression.exec(key);
      if (found === null) return undefined;
      const { year, month, day } = found.groups ?? {};
      if (year === undefined) return {};
      const businessDate = `${year}-${month ?? '01'}-${day ?? '01'}`;
      return isDate(businessDate) ? { businessDate } : undefined;
    },
  };
}

function dateSource(field: string, pattern: string): string {
  const [name, format = ''] = field.split(/:(.*)/s);
  if (name !== 'businessDate') throw unknown(pattern, `field ${name} is not known; allowed: businessDate`);
  return format.replace(/[A-Za-z]+|[^A-Za-z]+/g, (part) => {
    if (!/^[A-Za-z]/.test(part)) return part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
    const letters = part.replace(/yyyy|MM|dd/g, (each) => DATE_PARTS[each] ?? each);
    if (/^(\(\?<\w+>\\d\{\d\}\))+$/.test(letters)) return letters;
    throw unknown(pattern, `date letters ${part} are not known; allowed: yyyy, MM, dd`);
  });
}

const unknown = (pattern: string, what: string): TerminalError =>
  new TerminalError(`landing pattern ${pattern}: ${what}`, { fault: 'contract', facts: { pattern } });

const isDate = (text: string): boolean => {
  const date = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text);
};
