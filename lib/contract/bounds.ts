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

const NUMBER = /^-?\d+([.]\d+)?$/;
const DOUBLE = /^-?(\d+([.]\d*)?|[.]\d+)([eE][+-]?\d+)?$/;

/** Why a listed value can never be one of its column, undefined where it can. Dates and times are written as bounds are. */
export function valueProblem(type: ColumnType, text: string): string | undefined {
  switch (type.kind) {
    case 'string':
    case 'json':
      return undefined;
    case 'boolean':
      return /^(true|false)$/i.test(text)
        ? undefined
        : `${JSON.stringify(text)} is no boolean; allowed: true, false`;
    case 'double':
      return DOUBLE.test(text) && Number.isFinite(Number(text))
        ? undefined
        : `${JSON.stringify(text)} is no number`;
    case 'decimal':
      return NUMBER.test(text)
        ? boundProblem(type, text.replace(/(?<=[.]\d*)0+$/, '').replace(/[.]$/, ''))
        : `${JSON.stringify(text)} is no number`;
    case 'integer':
    case 'date':
    case 'timestamp':
      return boundProblem(type, text);
  }
}

export interface Bounds {
  readonly min?: string;
  readonly max?: string;
  readonly exclusiveMin?: string;
  readonly exclusiveMax?: string;
}

/** Whether no value of the type lies within the bounds and on the step. The bounds are values of the type. */
export function isEmptyRange(type: ColumnType, bounds: Bounds, multipleOf?: string): boolean {
  if (type.kind === 'double') return isEmptyDouble(bounds);
  const units = unitsOf(type);
  if (units === undefined) return false;
  const { min, max, exclusiveMin, exclusiveMax } = bounds;
  const lows = [
    ...(min === undefined ? [] : [units(min)]),
    ...(exclusiveMin === undefined ? [] : [units(exclusiveMin) + 1n]),
  ];
  const highs = [
    ...(max === undefined ? [] : [units(max)]),
    ...(exclusiveMax === undefined ? [] : [units(exclusiveMax) - 1n]),
  ];
  if (lows.length === 0 || highs.length === 0) return false;
  const ascending = (a: bigint, b: bigint) => (a < b ? -1 : 1);
  const low = lows.sort(ascending).at(-1) ?? 0n;
  const high = highs.sort(ascending)[0] ?? 0n;
  if (multipleOf === undefined) return low > high;
  const step = units(multipleOf);
  const rest = ((high % step) + step) % step;
  return high - rest < low;
}

/** A value of a type with smallest steps as the number of those steps. */
function unitsOf(type: ColumnType): ((text: string) => bigint) | undefined {
  switch (type.kind) {
    case 'integer':
      return (text) => BigInt(text);
    case 'decimal':
      return (text) => {
        const [whole = '0', fraction = ''] = text.split('.');
        return BigInt(`${whole}${fraction.padEnd(type.scale, '0')}`);
      };
    case 'date':
      return (text) => BigInt(Date.parse(`${text}T00:00:00Z`)) / 86_400_000n;
    case 'timestamp':
      return (text) => {
        const [day = '', time = '00:00:00'] = text.split(/[T ]/);
        const [seconds, fraction = ''] = time.split('.');
        return BigInt(Date.parse(`${day}T${seconds}Z`)) * 1000n + BigInt(fraction.padEnd(6, '0'));
      };
    default:
      return undefined;
  }
}

function isEmptyDouble({ min, max, exclusiveMin, exclusiveMax }: Bounds): boolean {
  const number = (text: string | undefined, none: number) => (text === undefined ? none : Number(text));
  const low = Math.max(number(min, -Infinity), number(exclusiveMin, -Infinity));
  const high = Math.min(number(max, Infinity), number(exclusiveMax, Infinity));
  const isOpen = number(exclusiveMin, Number.NaN) === low || number(exclusiveMax, Number.NaN) === high;
  return low > high || (low === high && isOpen);
}
