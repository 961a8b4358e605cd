import { type DateLetter, datePatternParts } from '../../contract/date-pattern.ts';
import type { SqlType, ValueDialect } from '../dialect.ts';

const quote = (text: string): string => `'${text.replaceAll("'", "''")}'`;
const ident = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** Path of one file to be read: DuckDB would take `*`, `?` and `[` in the name of a folder for a pattern, and read the files of others. */
export const filePath = (path: string): string => path.replaceAll(/[*?[]/g, '[$&]');

/** Files to be read, as `read_parquet` and `read_csv` take them. */
export const fileList = (paths: readonly string[]): string =>
  `[${paths.map((path) => quote(filePath(path))).join(', ')}]`;

const types: Record<Exclude<SqlType['kind'], 'decimal'>, string> = {
  text: 'VARCHAR',
  integer32: 'INTEGER',
  integer64: 'BIGINT',
  double: 'DOUBLE',
  boolean: 'BOOLEAN',
  date: 'DATE',
  timestamp: 'TIMESTAMP',
};

const typeName = (type: SqlType): string =>
  type.kind === 'decimal' ? `DECIMAL(${type.precision},${type.scale})` : types[type.kind];

/** DuckDB 1.5. Regular expressions are RE2; casts are only reached by texts that passed a grammar. */
export const duckDb: ValueDialect = {
  name: 'duckdb',
  ident,
  literal: quote,
  type: typeName,
  text: (expression) => `CAST(${expression} AS VARCHAR)`,
  tryCast: (expression, type) => `TRY_CAST(${expression} AS ${typeName(type)})`,
  matches: (expression, pattern) => `regexp_full_match(${expression}, ${quote(pattern)}, 's')`,
  replaceAll: (expression, pattern, replacement) =>
    `regexp_replace(${expression}, ${quote(pattern)}, ${quote(replacement)}, 'g')`,
  trim: (expression) => `trim(${expression}, ' \t\r\n')`,
  length: (expression) => `length(${expression})`,
  right: (expression, count) => `right(${expression}, ${count})`,
  concat: (...parts) => `(${parts.join(' || ')})`,
  joinPresent: (parts) => `concat_ws(',', ${parts.join(', ')})`,
  array: (items) => `[${items.join(', ')}]`,
  item: (array, index) => `${array}[${index + 1}]`,
  hash: (keys) => `(hash(${keys.join(', ')}) >> 32)::UINTEGER`,
  sum: (column) => `CAST(sum(${column}) AS VARCHAR)`,
  parseExactly(expression, pattern) {
    const format = quote(strptimeFormat(pattern));
    const parsed = `try_strptime(${expression}, ${format})`;
    const isValue = `strftime(${parsed}, ${format}) = ${expression} AND ${parsed} >= TIMESTAMP '0001-01-01'`;
    // DuckDB reads 69 to 99 as years before 2000.
    const shift = `CASE WHEN year(${parsed}) < 2000 THEN to_years(100) ELSE to_years(0) END`;
    const value = hasShortYear(pattern) ? `${parsed} + ${shift}` : parsed;
    return `CASE WHEN ${isValue} THEN ${value} END`;
  },
  instant(expression) {
    // DuckDB reads an offset only after seconds and without a blank before it.
    const seconds = `regexp_replace(${expression}, '^(.{16})( ?[Z+-])', '\\1:00\\2')`;
    const joined = `regexp_replace(${seconds}, ' ?(Z|[+-][0-9]{2}(:?[0-9]{2})?)$', '\\1')`;
    return `timezone('UTC', TRY_CAST(${joined} AS TIMESTAMPTZ))`;
  },
  toUtc: (local, zone) => `timezone('UTC', timezone(${quote(zone)}, ${local}))`,
  toLocal: (utc, zone) => `timezone(${quote(zone)}, timezone('UTC', ${utc}))`,
  isJson: (expression) => `json_valid(${expression})`,
  partition(column, transform) {
    switch (transform) {
      case 'identity':
        return column;
      case 'day':
        return `CAST(${column} AS DATE)`;
      case 'month':
        return `date_diff('month', DATE '1970-01-01', CAST(${column} AS DATE))`;
      case 'year':
        return `date_diff('year', DATE '1970-01-01', CAST(${column} AS DATE))`;
    }
  },
  hmac(secret, text) {
    const padded = (part: string) => `getvariable(${quote(`${secret}_${part}`)})`;
    return `sha256(${padded('outer')} || unhex(sha256(${padded('inner')} || encode(${text}))))`;
  },
  prefix: (text, length) => `left(${text}, ${length})`,
  explodeNumbers: (relation, columns, numbers) =>
    `(SELECT ${columns.join(', ')}, CAST(unnest(string_split(${numbers}, ',')) AS INTEGER) AS number FROM ${relation} WHERE ${numbers} IS NOT NULL)`,
  reason: (code, column, rule) => `{'code': ${code}, 'column': ${column}, 'rule': ${rule}}`,
  struct: (fields) =>
    `{${Object.entries(fields)
      .map(([name, value]) => `${quote(name)}: ${value}`)
      .join(', ')}}`,
  explode: (relation, columns, array) =>
    `(SELECT ${[...columns, `unnest(${array}) AS _item`].join(', ')} FROM ${relation})`,
  collect: (expression, orderBy) => `list(${expression} ORDER BY ${orderBy})`,
  query: (sql) => sql,
};

const hasShortYear = (pattern: string): boolean =>
  datePatternParts(pattern).some((part) => part.kind === 'letter' && part.letter === 'yy');

/** https://duckdb.org/docs/stable/sql/functions/dateformat */
const LETTERS: Readonly<Record<DateLetter, string>> = {
  yyyy: '%Y',
  uuuu: '%Y',
  yy: '%y',
  MM: '%m',
  M: '%-m',
  MMM: '%b',
  MMMM: '%B',
  dd: '%d',
  d: '%-d',
  HH: '%H',
  H: '%-H',
  hh: '%I',
  h: '%-I',
  mm: '%M',
  ss: '%S',
  SSS: '%g',
  SSSSSS: '%f',
  a: '%p',
};

/** `M/d/yy H:mm` to `%-m/%-d/%y %-H:%M`. The contract has been checked for other letters. */
export const strptimeFormat = (pattern: string): string =>
  datePatternParts(pattern)
    .map((part) => (part.kind === 'letter' ? LETTERS[part.letter] : part.text.replaceAll('%', '%%')))
    .join('');
