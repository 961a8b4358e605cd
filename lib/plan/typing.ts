import type { Column, ColumnType, Macro } from '../contract/dataset.ts';
import { numberFormatOf, numberParts } from '../contract/number-format.ts';
import type { SqlType, ValueDialect } from './dialect.ts';

/** How staged columns are stored. */
export function sqlType(type: ColumnType): SqlType {
  switch (type.kind) {
    case 'string':
    case 'json':
      return { kind: 'text' };
    case 'integer':
      return { kind: type.bits === 32 ? 'integer32' : 'integer64' };
    case 'decimal':
      return { kind: 'decimal', precision: type.precision, scale: type.scale };
    case 'double':
    case 'boolean':
    case 'date':
    case 'timestamp':
      return { kind: type.kind };
  }
}

/** The text of a field after trim, null tokens and macros; null where the contract says that the text means null. */
export function cleaned(column: Column, text: string, sql: ValueDialect): string {
  const trimmed = column.trim ? sql.trim(text) : text;
  const known = nullIfToken(trimmed, column.nullTokens, sql);
  const standard = column.standardize.reduce((value, macro) => applyMacro(macro, value, sql), known);
  // Of a name of blanks nothing is left. Only that: somebody may be called Null.
  const isName = column.standardize.some(({ kind }) => kind === 'name');
  return isName && column.nullTokens.includes('') ? nullIfToken(standard, [''], sql) : standard;
}

function nullIfToken(text: string, tokens: readonly string[], sql: ValueDialect): string {
  const [only, ...others] = tokens;
  if (only === undefined) return text;
  if (others.length === 0) return `NULLIF(${text}, ${sql.literal(only)})`;
  return `CASE WHEN ${text} IN (${tokens.map(sql.literal).join(', ')}) THEN NULL ELSE ${text} END`;
}

function applyMacro(macro: Macro, text: string, sql: ValueDialect): string {
  switch (macro.kind) {
    case 'lowercase':
      return `lower(${text})`;
    case 'uppercase':
      return `upper(${text})`;
    case 'collapseBlanks':
      return sql.replaceAll(text, '[ \\t\\r\\n]+', ' ');
    case 'stripZeroFraction':
      return whenMatches(text, '-?[0-9]+\\.0+', sql.replaceAll(text, '\\.0+$', ''), sql);
    case 'email':
      return email(text, sql);
    case 'name':
      return personName(text, sql);
    case 'postcode':
      return whenMatches(text, POSTCODE, `upper(${sql.replaceAll(text, ANY_BLANK, '')})`, sql);
    case 'date':
      return `COALESCE(${[...macro.patterns.map((pattern) => isoDate(text, pattern, sql)), text].join(', ')})`;
    case 'phone':
      return phone(text, macro.dialCode, sql);
  }
}

/** Blanks of ASCII and the no-break space, which spreadsheets like. */
const ANY_BLANK = '[ \\t\\r\\n\\x{A0}]+';
const POSTCODE = '[ \\t\\x{A0}]*[A-Za-z0-9][A-Za-z0-9 \\t\\x{A0}-]{1,10}[A-Za-z0-9][ \\t\\x{A0}]*';

/** One sign `@` with something on both sides (RFC 5321 section 4.1.2, quoted local parts left out). The part before it is in small letters too: no provider in use tells them apart. */
const EMAIL = '[^ \\t\\r\\n\\x{A0}<>@,;"]+@[^ \\t\\r\\n\\x{A0}<>@,;"]+';

function email(text: string, sql: ValueDialect): string {
  const bare = sql.replaceAll(text, '^[ \\t\\r\\n\\x{A0}<]*((?i)mailto:)?|[ \\t\\r\\n\\x{A0}>]*$', '');
  return `CASE WHEN ${sql.matches(bare, EMAIL)} THEN lower(${bare}) ELSE ${text} END`;
}

function personName(text: string, sql: ValueDialect): string {
  const apostrophes = sql.replaceAll(text, '[\\x{2018}\\x{2019}\\x{02BC}`´]', "'");
  const hyphens = sql.replaceAll(apostrophes, ' *[\\x{2010}-\\x{2015}-] *', '-');
  return `lower(${sql.trim(sql.replaceAll(hyphens, ANY_BLANK, ' '))})`;
}

const isoDate = (text: string, pattern: string, sql: ValueDialect): string =>
  sql.text(`CAST(${sql.parseExactly(text, pattern)} AS DATE)`, { kind: 'date' });

const whenMatches = (text: string, pattern: string, then: string, sql: ValueDialect): string =>
  `CASE WHEN ${sql.matches(text, pattern)} THEN ${then} ELSE ${text} END`;

/**
 * ITU-T E.164: a plus sign and at most 15 digits. `0031…`, `06…` and `+31 (0)6…` become `+31…`; what has other signs passes unchanged.
 */
function phone(text: string, dialCode: string, sql: ValueDialect): string {
  // A zero in parentheses behind a country code is only dialled inside the country.
  const dialled = `CASE WHEN ${sql.matches(text, '[ (./-]*([+]|00)[0-9 )./-]*[(] *0 *[)].*')} THEN ${sql.replaceAll(text, '[(] *0 *[)]', '')} ELSE ${text} END`;
  const bare = sql.replaceAll(dialled, '[ ()./-]', '');
  const international = `CASE WHEN ${sql.matches(bare, '00[1-9][0-9]{6,13}')} THEN ${sql.replaceAll(bare, '^00', '+')}`;
  const national = `WHEN ${sql.matches(bare, '0[1-9][0-9]{6,12}')} THEN ${sql.replaceAll(bare, '^0', dialCode)}`;
  return `${international} ${national} WHEN ${sql.matches(bare, '[+][1-9][0-9]{6,14}')} THEN ${bare} ELSE ${text} END`;
}

const HOURS = '([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]{1,6})?)?';
/** 0001 to 9999: RFC 3339 and Iceberg readers know no year 0. */
const YEAR = '([0-9]{3}[1-9]|[0-9]{2}[1-9]0|[0-9][1-9]00|[1-9]000)';
const ISO_DATE = `${YEAR}-[0-9]{2}-[0-9]{2}`;
const LOCAL = `${ISO_DATE}[T ]${HOURS}`;
/** Offsets in use lie within 14 hours (java.time.ZoneOffset allows 18). */
const WITH_OFFSET = `${LOCAL} ?(Z|[+-](0[0-9]|1[0-3])(:?[0-5][0-9])?|[+-]14(:?00)?)`;

const JSON_CONTAINER = '[ \\t\\r\\n]*[\\[{].*';

/** The texts that are numbers of a type. Values outside its range match too: they are refused as `value.range`. */
export function grammar(type: ColumnType): string | undefined {
  const { whole, point } = numberParts(numberFormatOf(type));
  switch (type.kind) {
    case 'integer':
      return `-?${whole}`;
    case 'decimal':
      return type.scale === 0 ? `-?${whole}(${point}0+)?` : `-?${whole}(${point}[0-9]{1,${type.scale}}0*)?`;
    case 'double':
      return `-?(${whole}(${point}[0-9]*)?|${point}[0-9]+)([eE][+-]?[0-9]+)?`;
    default:
      return undefined;
  }
}

/** A number as casts read it. */
function plainNumber(type: ColumnType, text: string, sql: ValueDialect): string {
  const format = numberFormatOf(type);
  const { between, point } = numberParts(format);
  const joined = between === undefined ? text : sql.replaceAll(text, between, '');
  return format?.decimalChar === ',' ? sql.replaceAll(joined, point, '.') : joined;
}

/**
 * The value of a cleaned text, null where the text is not one: never what a cast happens to accept. Numbers: plain digits, with a point
 * where the type has a fraction (or the signs of its format), no sign but minus, no blanks, no exponent unless the type is a double. Dates and times: ISO 8601, or exactly what one of the
 * contract's patterns prints; a local time that a change of the clocks leaves out is none. JSON: an object or array.
 */
export function typed(type: ColumnType, text: string, sql: ValueDialect): string {
  const target = sqlType(type);
  switch (type.kind) {
    case 'string':
      return text;
    case 'json':
      return `CASE WHEN ${sql.matches(text, JSON_CONTAINER)} AND ${sql.isJson(text)} THEN ${text} END`;
    case 'integer':
    case 'decimal':
      return numeric(type, text, sql);
    case 'double':
      return finite(numeric(type, text, sql));
    case 'boolean':
      return castIf(text, '(?i)true|false', target, sql);
    case 'date':
      return type.formats.length === 0
        ? castIf(text, ISO_DATE, target, sql)
        : firstOf(type.formats.map((format) => `CAST(${sql.parseExactly(text, format)} AS DATE)`));
    case 'timestamp':
      return type.formats.length === 0
        ? isoTimestamp(text, type.zone, sql)
        : utcOf(firstOf(type.formats.map((format) => sql.parseExactly(text, format))), type.zone, sql);
  }
}

const castIf = (text: string, pattern: string, target: SqlType, sql: ValueDialect, value = text): string =>
  `CASE WHEN ${sql.matches(text, pattern)} THEN ${sql.tryCast(value, target)} END`;

const numeric = (type: ColumnType, text: string, sql: ValueDialect): string =>
  castIf(text, grammar(type) ?? '', sqlType(type), sql, plainNumber(type, text, sql));

const firstOf = (values: readonly string[]): string =>
  values.length === 1 ? `${values[0]}` : `COALESCE(${values.join(', ')})`;

const finite = (value: string): string =>
  `CASE WHEN abs(${value}) <= 1.7976931348623157e308 THEN ${value} END`;

function isoTimestamp(text: string, zone: string, sql: ValueDialect): string {
  const local = utcOf(sql.tryCast(text, { kind: 'timestamp' }), zone, sql);
  return (
    `CASE WHEN ${sql.matches(text, LOCAL)} THEN ${local} ` +
    `WHEN ${sql.matches(text, WITH_OFFSET)} THEN ${inYears(sql.instant(text), sql)} END`
  );
}

const UTC: readonly string[] = ['UTC', 'Etc/UTC'];

/** Null where the local time does not come back from UTC: it lies in a gap of the zone. */
function utcOf(local: string, zone: string, sql: ValueDialect): string {
  if (UTC.includes(zone)) return local;
  const utc = sql.toUtc(local, zone);
  return `CASE WHEN ${sql.toLocal(utc, zone)} = ${local} THEN ${inYears(utc, sql)} END`;
}

/** An offset may move a time out of the years that a text can state. */
function inYears(timestamp: string, sql: ValueDialect): string {
  const at = (text: string) => sql.tryCast(sql.literal(text), { kind: 'timestamp' });
  return `CASE WHEN ${timestamp} BETWEEN ${at('0001-01-01 00:00:00')} AND ${at('9999-12-31 23:59:59.999999')} THEN ${timestamp} END`;
}
