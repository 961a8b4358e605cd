import type { NumberFormat } from '../dataset.ts';
import { numberParts, plainDigits } from '../number-format.ts';
import { TEXT_FORMATS } from '../text-formats.ts';
import { areCompactDates, dateFormOf } from './dates.ts';
import { counted, evidence, type Note, unsure } from './notes.ts';
import * as shape from './values.ts';

/** ODCS's words for the type of a column, with Headgate's own beside them. */
export interface ProposedType {
  readonly logicalType:
    | 'string'
    | 'integer'
    | 'number'
    | 'boolean'
    | 'date'
    | 'timestamp'
    | 'object'
    | 'array';
  readonly physicalType?: string;
  readonly options?: Readonly<Record<string, string | number>>;
  readonly dateFormats?: readonly string[];
  readonly numberFormat?: NumberFormat;
  readonly standardize?: readonly string[];
  /** Beside the empty text. */
  readonly nullTokens?: readonly string[];
  readonly notes: readonly Note[];
}

const text = (...notes: readonly Note[]): ProposedType => ({ logicalType: 'string', notes });

/** Few values say little about those to come. */
const FEW = 20;

/** Type of a column by its name and some of its values, blanks around them removed. Every value is held against it afterwards. */
export function typeOf(name: string, texts: readonly string[]): ProposedType {
  if (texts.length === 0) return text(unsure('the samples have no value, so the type is not known'));
  const plain = typeOfValues(name, texts);
  if (plain.logicalType !== 'string' || plain.options !== undefined) return plain;
  const words = texts.filter((each) => shape.NULL_WORDS.has(each));
  const others = texts.filter((each) => !shape.NULL_WORDS.has(each));
  const rest = words.length === 0 || others.length === 0 ? plain : typeOfValues(name, others);
  if (rest.logicalType === 'string' && rest.options === undefined) return withDoubt(plain, name, others);
  const list = words.map((word) => JSON.stringify(word)).join(', ');
  return { ...rest, nullTokens: words, notes: [...rest.notes, unsure(`${list} is taken for null`)] };
}

const MOST = 0.9;

/** Says so where nearly every value by itself would be of a type. */
function withDoubt(type: ProposedType, name: string, texts: readonly string[]): ProposedType {
  if (type.notes.length > 0 || IS_TEXT_BY_NAME.test(name)) return type;
  const typed = texts.filter((text) => isTyped(text) && !shape.LEADING_ZERO.test(text)).length;
  if (typed === 0 || typed < texts.length * MOST) return type;
  const doubt = `${counted(typed)} of ${counted(texts.length)} sampled values are a number, a date or a truth value, but not all of one form: kept as text; with a type the others would be quarantined`;
  return { ...type, notes: [unsure(doubt)] };
}

const isTyped = (text: string): boolean =>
  shape.isPlainValue(text) || NUMBER_FORMATS.some((each) => areNumbers([text], each));

function typeOfValues(name: string, texts: readonly string[]): ProposedType {
  const all = (expression: RegExp) => texts.every((each) => expression.test(each));
  if (all(shape.BOOLEAN)) return { logicalType: 'boolean', notes: [] };
  if (all(shape.INTEGER)) return wholeNumber(name, texts);
  if (all(shape.DECIMAL)) return fraction(name, texts);
  if (all(shape.DOUBLE))
    return texts.every(isDouble)
      ? { logicalType: 'number', notes: [evidence('numbers with exponents, so a double')] }
      : text(evidence('numbers with exponents and more digits than a double holds'));
  return dates(texts) ?? writtenOtherwise(name, texts) ?? structured(texts) ?? formatted(texts);
}

interface WrittenNumbers {
  readonly format: NumberFormat;
  readonly pattern: RegExp;
}

const writtenAs = (format: NumberFormat): WrittenNumbers => {
  const { whole, point } = numberParts(format);
  return { format, pattern: new RegExp(`^-?${whole}(${point}[0-9]+)?$`) };
};
/** Forms in use, the likelier first. */
const NUMBER_FORMATS: readonly WrittenNumbers[] = [
  writtenAs({ decimalChar: ',' }),
  writtenAs({ decimalChar: ',', groupChar: '.' }),
  writtenAs({ decimalChar: '.', groupChar: ',' }),
  writtenAs({ decimalChar: ',', groupChar: ' ' }),
  writtenAs({ decimalChar: '.', groupChar: "'" }),
];
/** `1,234`: more than a thousand, or little more than one. */
const MAY_BE_EITHER = /^-?(\d+|[1-9]\d{0,2},\d{3})$/;
const ENGLISH: NumberFormat = { decimalChar: '.', groupChar: ',' };

/** Numbers with a comma before the fraction, or signs between groups of three digits. Groups alone, but for commas, are as well phone or article numbers. */
function writtenOtherwise(name: string, texts: readonly string[]): ProposedType | undefined {
  if (IS_TEXT_BY_NAME.test(name) || !texts.some((text) => /[.,]\d+$/.test(text))) return undefined;
  const isOpen = texts.every((text) => MAY_BE_EITHER.test(text));
  const format = isOpen ? ENGLISH : NUMBER_FORMATS.find((each) => areNumbers(texts, each))?.format;
  if (format === undefined) return undefined;
  const plain = texts.map((text) => plainDigits(text, format));
  const type = plain.every((text) => shape.INTEGER.test(text)) ? integer(plain) : fraction('', plain);
  const groups =
    format.groupChar === undefined ? '' : `, with ${JSON.stringify(format.groupChar)} between groups`;
  const signs = `numbers with ${JSON.stringify(format.decimalChar)} before the fraction${groups}`;
  const note = isOpen ? unsure(`${signs}; every value could be read the other way`) : evidence(signs);
  return { ...type, numberFormat: format, notes: [...type.notes, note] };
}

const areNumbers = (texts: readonly string[], { format, pattern }: WrittenNumbers): boolean =>
  texts.every((text) => pattern.test(text)) &&
  (format.groupChar === ',' || texts.some((text) => text.includes(format.decimalChar)));

const IS_NUMBER_BY_NAME = /(^|_)(id|no|nr|num|number|code|key|ref)$/;
/** Digits that nobody calculates with, and that may begin with a zero in another file. */
const IS_TEXT_BY_NAME =
  /(^|_)(post_?code|zip|zip_?code|postal_code|phone|mobile|fax|ssn|soc_sec(_id)?|bsn|iban|account_(no|number)|card_(no|number)|fips|ean|gtin|isbn)($|_)/;
const IS_DATE_BY_NAME = /(^|_)(date|day|dob|birth|born|birthday|dt|on)($|_)/;

function wholeNumber(name: string, texts: readonly string[]): ProposedType {
  if (texts.some((each) => shape.LEADING_ZERO.test(each)))
    return text(evidence('digits with leading zeros, which a number would lose'));
  if (areCompactDates(texts)) {
    if (IS_DATE_BY_NAME.test(name))
      return { logicalType: 'date', dateFormats: ['yyyyMMdd'], notes: [evidence('days written yyyyMMdd')] };
    if (texts.length >= FEW)
      return { ...integer(texts), notes: [unsure('every value could also be a day written yyyyMMdd')] };
  }
  if (IS_TEXT_BY_NAME.test(name))
    return text(
      evidence('digits only, but by its name no quantity: kept as text so that leading zeros survive'),
    );
  return integer(texts);
}

function integer(texts: readonly string[]): ProposedType {
  const digits = Math.max(...texts.map((each) => each.replace('-', '').length));
  if (texts.every((each) => BigInt.asIntN(64, BigInt(each)) === BigInt(each)))
    return { logicalType: 'integer', notes: [] };
  if (digits <= 38)
    return {
      logicalType: 'number',
      physicalType: 'decimal(38,0)',
      notes: [evidence(`up to ${digits} digits, more than 64 bits hold`)],
    };
  return text(evidence(`up to ${digits} digits, more than any number type holds`));
}

/** Whether a double keeps all digits of the text. */
const isDouble = (each: string): boolean => significant(each) === significant(String(Number(each)));
const significant = (number: string): string =>
  (number.toLowerCase().split('e')[0] ?? '').replaceAll(/[-.]/g, '').replaceAll(/^0+|0+$/g, '');

const MOST_SCALE = 6;
const PRECISION = 18;

function fraction(name: string, texts: readonly string[]): ProposedType {
  const isWhole = texts.every((each) => shape.INTEGER.test(each) || shape.ZERO_FRACTION.test(each));
  if (isWhole && IS_NUMBER_BY_NAME.test(name))
    return {
      logicalType: 'integer',
      standardize: ['stripZeroFraction'],
      notes: [evidence('written with a fraction of zeros, by its name an identifier')],
    };
  const parts = texts.map((each) => each.replace('-', '').split('.'));
  const scale = Math.max(...parts.map(([, digits = '']) => digits.length));
  const whole = Math.max(...parts.map(([digits = '']) => digits.length));
  if ((scale > MOST_SCALE || whole + scale > 38) && texts.every(isDouble))
    return { logicalType: 'number', notes: [evidence(`up to ${scale} digits after the point, so a double`)] };
  if (whole + scale > 38) return text(evidence('more digits than any number type holds'));
  return {
    logicalType: 'number',
    physicalType: `decimal(${Math.max(PRECISION, Math.min(38, whole + scale + 4))},${scale})`,
    notes: [evidence(`at most ${scale} digits after the point; more would be refused`)],
  };
}

function dates(texts: readonly string[]): ProposedType | undefined {
  const form = dateFormOf(texts);
  if (form === undefined) return undefined;
  const notes: Note[] = [];
  const { kind, formats } = form;
  if (form.ambiguous === true) notes.push(unsure('no value tells day from month; check which stands first'));
  if (formats.some((format) => !/yyyy/.test(format)))
    notes.push(
      unsure(
        'years of two digits are read as 2000 to 2099; for dates before, such as birthdays, ask the source for four',
      ),
    );
  if (formats.length > 1) notes.push(evidence(`${formats.length} forms of the same column`));
  if (kind === 'timestamp' && form.hasOffset !== true)
    notes.push(
      unsure('times without offset are read as UTC; logicalTypeOptions.defaultTimezone says otherwise'),
    );
  return { logicalType: kind, ...(formats.length === 0 ? {} : { dateFormats: formats }), notes };
}

function structured(texts: readonly string[]): ProposedType | undefined {
  const kinds = new Set(texts.map(shape.isJson));
  const [kind] = kinds;
  return kinds.size === 1 && kind !== undefined
    ? { logicalType: kind, notes: [evidence('JSON, kept as its text')] }
    : undefined;
}

const FORMATS = ['email', 'uuid', 'uri', 'ipv4'] as const;

function formatted(texts: readonly string[]): ProposedType {
  if (texts.every((each) => shape.TIME.test(each)))
    return {
      logicalType: 'string',
      options: { pattern: '([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]{1,6})?)?' },
      notes: [evidence('times of day, for which there is no type yet')],
    };
  const format = FORMATS.find((each) =>
    texts.every((value) => new RegExp(`^(?:${TEXT_FORMATS[each]})$`).test(value)),
  );
  return format !== undefined && texts.length >= 5
    ? {
        logicalType: 'string',
        options: { format },
        notes: [evidence(`${counted(texts.length)} sampled values, each a valid ${format}`)],
      }
    : text();
}
