/** Letters of JDK DateTimeFormatter patterns that every engine has an exact counterpart for. */
export const DATE_LETTERS = [
  'yyyy',
  'uuuu',
  'yy',
  'MM',
  'M',
  'MMM',
  'MMMM',
  'dd',
  'd',
  'HH',
  'H',
  'hh',
  'h',
  'mm',
  'ss',
  'SSS',
  'SSSSSS',
  'a',
] as const;

export type DateLetter = (typeof DATE_LETTERS)[number];

/** Unknown: letters, and signs that the JDK keeps for itself, such as `[` around what may be left out. */
export type DatePart =
  | { readonly kind: 'letter'; readonly letter: DateLetter }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'unknown'; readonly text: string };

/** `d MMM'.'` to its parts in order; `''` is one quote. */
export function datePatternParts(pattern: string): readonly DatePart[] {
  const parts: DatePart[] = [];
  for (const [part, quoted] of pattern.matchAll(/'([^']*)'|([A-Za-z])\2*|./gsu)) {
    if (quoted !== undefined) parts.push({ kind: 'text', text: quoted === '' ? "'" : quoted });
    else if (/^[A-Za-z]/.test(part))
      parts.push(isLetter(part) ? { kind: 'letter', letter: part } : { kind: 'unknown', text: part });
    else parts.push({ kind: /^[[\]{}#']$/.test(part) ? 'unknown' : 'text', text: part });
  }
  return parts;
}

const isLetter = (text: string): text is DateLetter => (DATE_LETTERS as readonly string[]).includes(text);

/** Why a pattern can't be used, undefined where it can. */
export function datePatternProblem(pattern: string): string | undefined {
  const parts = datePatternParts(pattern);
  const unknown = parts.find(({ kind }) => kind === 'unknown');
  if (unknown?.kind === 'unknown')
    return `date pattern ${pattern}: ${unknown.text} is not supported; allowed: ${DATE_LETTERS.join(', ')}; other letters and brackets stand in single quotes`;
  const letters = parts.flatMap((part) => (part.kind === 'letter' ? [part.letter] : []));
  if (!letters.some((letter) => /^[yu]/.test(letter)))
    return `date pattern ${JSON.stringify(pattern)} has no year; allowed: ${DATE_LETTERS.join(', ')}`;
  const has = (letter: string) => letters.some((each) => each.startsWith(letter));
  // `yyyy-mm-dd` is seen: mm are minutes, and every day would be one of January.
  if ((has('d') && !has('M')) || (has('m') && !has('H') && !has('h')))
    return `date pattern ${pattern} has ${has('d') && !has('M') ? 'days without a month' : 'minutes without hours'}; M is the month, m the minute`;
  if (letters.some((letter) => letter.startsWith('h')) && !letters.includes('a'))
    return `date pattern ${pattern}: hours from 1 to 12 need a for the half of the day; or use HH or H`;
  return undefined;
}
