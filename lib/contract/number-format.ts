import type { ColumnType, NumberFormat } from './dataset.ts';

/** With what looks the same: the no-break spaces, the typographic apostrophe. Patterns for RE2 and ECMAScript alike. */
const CLASSES: Readonly<Record<'.' | ',' | ' ' | "'", string>> = {
  '.': '[.]',
  ',': '[,]',
  ' ': '[ \u00a0\u202f]',
  "'": "['\u2019]",
};

export const numberFormatOf = (type: ColumnType): NumberFormat | undefined =>
  'format' in type ? type.format : undefined;

/** A type for numbers as contracts write them. */
export function plainType(type: ColumnType): ColumnType {
  if (!('format' in type)) return type;
  const { format: _format, ...plain } = type;
  return plain;
}

/** Patterns of the digits before the decimal sign, of that sign, and of what stands between groups. */
export function numberParts(format: NumberFormat = { decimalChar: '.' }) {
  const { decimalChar, groupChar } = format;
  const between = groupChar && CLASSES[groupChar];
  const whole = between === undefined ? '[0-9]+' : `([0-9]{1,3}(${between}[0-9]{3})+|[0-9]+)`;
  return { whole, point: CLASSES[decimalChar], between };
}

/** `1.234,50` to `1234.50`, for a text that is a number in this format. */
export function plainDigits(text: string, format: NumberFormat | undefined): string {
  const { point, between } = numberParts(format);
  const joined = between === undefined ? text : text.replaceAll(new RegExp(between, 'g'), '');
  return joined.replace(new RegExp(point), '.');
}
