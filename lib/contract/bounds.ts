import type { ColumnType } from './dataset.ts';

/** A decimal number without exponent: `1e-7` to `0.0000001`; engines read no exponents into decimals. */
export function plainNumber(value: number): string {
  const [digits = '', exponent = '0'] = String(Math.abs(value)).split('e');
  const [whole = '', fraction = ''] = digits.split('.');
  const point = whole.length + Number(exponent);
  const all = `${'0'.repeat(Math.max(1 - point, 0))}${whole}${fraction}`.padEnd(point, '0');
  const at = Math.max(point, 1);
  const plain = at < all.length ? `${all.slice(0, at)}.${all.slice(at)}` : all;
  return value < 0 ? `-${plain}` : plain;
}

const DATE = /^\d{4}-\d{2}-\d{2}$/;
const TIME = /^(\d{4}-\d{2}-\d{2})([T ]([01]\d|2[0-3]):[0-5]\d:[0-5]\d([.]\d{1,6})?)?$/;

/**
 * Why a bound is no value of its column, undefined where it is. Without this an engine would compare with null, and the check
 * would pass every row, or with a rounded value.
 */
export function boundProblem(type: ColumnType, bound: string): string | undefined {
  switch (type.kind) {
    case 'integer':
      return isWithin(bound, type.bits) ? undefined : `${bound} is no integer of ${type.bits} bits`;
    case 'decimal': {
      const [whole = '', fraction = ''] = bound
        .replace('-', '')
        .replace(/^0+(?=\d)/, '')
        .split('.');
      const fits =
        fraction.length <= type.scale && (whole === '0' ? 0 : whole.length) <= type.precision - type.scale;
      return fits ? undefined : `${bound} is no value of decimal(${type.precision},${type.scale})`;
    }
    case 'date':
      return DATE.test(bound) && isDay(bound)
        ? undefined
        : `${JSON.stringify(bound)} is no date; allowed: yyyy-MM-dd, whatever the format of the values`;
    case 'timestamp': {
      const [, day] = TIME.exec(bound) ?? [];
      return day !== undefined && isDay(day)
        ? undefined
        : `${JSON.stringify(bound)} is no timestamp; allowed: yyyy-MM-dd or yyyy-MM-ddTHH:mm:ss in UTC, without offset`;
    }
    default:
      return undefined;
  }
}

const isWithin = (text: string, bits: 32 | 64): boolean =>
  /^-?\d+$/.test(text) && BigInt.asIntN(bits, BigInt(text)) === BigInt(text);

const isDay = (text: string): boolean => {
  const date = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text);
};
