/** Shapes of texts, to choose what to propose; whether every value fits is decided by the statements of a run. */
export const INTEGER = /^-?\d+$/;
export const DECIMAL = /^-?\d+([.]\d+)?$/;
export const DOUBLE = /^-?(\d+([.]\d*)?|[.]\d+)([eE][+-]?\d+)?$/;
export const ZERO_FRACTION = /^-?\d+[.]0+$/;
export const LEADING_ZERO = /^-?0\d/;
export const BOOLEAN = /^(true|false)$/i;
export const ISO_DATE = /^\d{4}-\d{2}-\d{2}$/;
export const ISO_TIMESTAMP =
  /^\d{4}-\d{2}-\d{2}[T ]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d([.]\d{1,6})?)?( ?(Z|[+-]\d{2}:?\d{2}))?$/;
export const TIME = /^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d([.]\d{1,6})?)?$/;

/** Texts that people and programs write where a value is missing. */
export const NULL_WORDS: ReadonlySet<string> = new Set([
  'NA',
  'N/A',
  'n/a',
  '#N/A',
  'NULL',
  'Null',
  'null',
  'None',
  'none',
  'NaN',
  'nan',
  '-',
  '--',
  '?',
  '\\N',
]);

/** A text that no header would hold: a number, a date, a time, a truth value. */
export const isPlainValue = (text: string): boolean =>
  DOUBLE.test(text) ||
  ISO_DATE.test(text) ||
  ISO_TIMESTAMP.test(text) ||
  BOOLEAN.test(text) ||
  /^\d{1,4}[/.-]\d{1,2}[/.-]\d{1,4}( |$)/.test(text);

export const isJson = (text: string): 'object' | 'array' | undefined => {
  if (!/^\s*[[{]/.test(text)) return undefined;
  try {
    return Array.isArray(JSON.parse(text)) ? 'array' : 'object';
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
};
