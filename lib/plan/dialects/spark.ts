import type { Dialect, SqlType } from '../dialect.ts';
import { portable } from '../portable.ts';

const quote = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
const ident = (name: string): string => `\`${name.replaceAll('`', '``')}\``;

const types: Record<Exclude<SqlType['kind'], 'decimal'>, string> = {
  text: 'STRING',
  integer32: 'INT',
  integer64: 'BIGINT',
  double: 'DOUBLE',
  boolean: 'BOOLEAN',
  date: 'DATE',
  timestamp: 'TIMESTAMP_NTZ',
};

const typeName = (type: SqlType): string =>
  type.kind === 'decimal' ? `DECIMAL(${type.precision},${type.scale})` : types[type.kind];

/**
 * Spark SQL 3.5 in ANSI mode, session time zone UTC. It sees typed rows only: DuckDB has judged every text before. `run_plan.py`
 * registers `headgate_double_text` and binds padded keys as the relation `headgate_<secret>`.
 */
export const spark: Dialect = {
  name: 'spark',
  ident,
  literal: quote,
  type: typeName,
  text(expression, type) {
    const text = `CAST(${expression} AS STRING)`;
    switch (type.kind) {
      case 'text':
        return expression;
      case 'double':
        return `headgate_double_text(${expression})`;
      case 'date':
      case 'timestamp':
        // DuckDB writes year 0 as `0001 (BC)` and no sign before five digits of a year.
        return `CASE WHEN ${expression} >= DATE '0001-01-01' THEN ltrim('+', ${text}) ELSE concat('0001', substring(${text}, 5), ' (BC)') END`;
      default:
        return text;
    }
  },
  length: (expression) => `length(${expression})`,
  right: (expression, count) => `right(${expression}, ${count})`,
  concat: (...parts) => `concat(${parts.join(', ')})`,
  array: (items) => `array(${items.join(', ')})`,
  item: (array, index) => `get(${array}, ${index})`,
  hash: (keys) => `xxhash64(${keys.join(', ')})`,
  sum(column, type) {
    const integer = type.kind === 'integer32' || type.kind === 'integer64';
    const sum = `sum(${integer ? `CAST(${column} AS DECIMAL(19,0))` : column})`;
    return type.kind === 'double' ? `headgate_double_text(${sum})` : `CAST(${sum} AS STRING)`;
  },
  partition(column, transform) {
    const date = `CAST(${column} AS DATE)`;
    switch (transform) {
      case 'identity':
        return column;
      case 'day':
        return date;
      case 'month':
        return `(year(${date}) - 1970) * 12 + month(${date}) - 1`;
      case 'year':
        return `year(${date}) - 1970`;
    }
  },
  hmac(secret, text) {
    const padded = (part: string) => `(SELECT ${part} FROM headgate_${secret})`;
    const inner = `sha2(concat(${padded('inner_pad')}, encode(${text}, 'UTF-8')), 256)`;
    return `sha2(concat(${padded('outer_pad')}, unhex(${inner})), 256)`;
  },
  prefix: (text, length) => `left(${text}, ${length})`,
  explodeNumbers: (relation, columns, numbers) =>
    `(SELECT ${columns.join(', ')}, CAST(piece AS INT) AS number FROM ${relation} LATERAL VIEW explode(split(${numbers}, ',')) pieces AS piece WHERE ${numbers} IS NOT NULL)`,
  reason: (code, column, rule) => `named_struct('code', ${code}, 'column', ${column}, 'rule', ${rule})`,
  struct: (fields) =>
    `named_struct(${Object.entries(fields)
      .flatMap(([name, value]) => [quote(name), value])
      .join(', ')})`,
  explode: (relation, columns, array) =>
    `(SELECT ${[...columns, '_item'].join(', ')} FROM ${relation} LATERAL VIEW explode(${array}) items AS _item)`,
  collect: (expression, orderBy) =>
    `transform(array_sort(collect_list(named_struct('place', ${orderBy}, 'item', ${expression}))), entry -> entry.item)`,
  query: (sql) => portable(sql, { ident, literal: quote }),
};
