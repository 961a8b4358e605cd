/** SQL types of staged columns. */
export type SqlType =
  | { readonly kind: 'text' | 'integer32' | 'integer64' | 'double' | 'boolean' | 'date' | 'timestamp' }
  | { readonly kind: 'decimal'; readonly precision: number; readonly scale: number };

/**
 * What differs between the engines' SQL once rows are typed: steps, outputs and measures. Everything else is written once by `lib/plan`,
 * in the common subset of both. Every function takes and gives SQL text; arguments are expressions unless they are called `text`.
 */
export interface Dialect {
  readonly name: 'duckdb' | 'spark';
  /** The only place where an identifier is quoted. */
  ident(name: string): string;
  /** The only place where a text becomes a literal. */
  literal(text: string): string;
  type(type: SqlType): string;
  /** The text of a typed value, the same on every engine. */
  text(expression: string, type: SqlType): string;
  /** Number of code points. */
  length(expression: string): string;
  right(expression: string, count: number): string;
  concat(...parts: string[]): string;
  array(items: readonly string[]): string;
  /** Item of an array, counted from 0; null where the array is. */
  item(array: string, index: number): string;
  /** A number from the value of a key that is equal for equal keys; need not be stable between engines. */
  hash(keys: readonly string[]): string;
  /** Sum of a column as text, exact for integers and decimals of any size that fit 38 digits. */
  sum(column: string, type: SqlType): string;
  /** Ordinal of month or year since 1970, or the day itself, as the table's partition value. */
  partition(column: string, transform: 'identity' | 'year' | 'month' | 'day'): string;
  /** Lower-case hexadecimal HMAC-SHA256 of a text under the secret whose padded keys the engine bound. */
  hmac(secret: string, text: string): string;
  prefix(text: string, length: number): string;
  /** `_failed` as one row per number: a lateral join source with the column `number`. */
  explodeNumbers(relation: string, columns: readonly string[], numbers: string): string;
  /** An array of reason structs (code, column, rule) from rows (`number`) joined to the check list. */
  reason(code: string, column: string, rule: string): string;
  /** A struct of named values. */
  struct(fields: Readonly<Record<string, string>>): string;
  /** One row per item of an array: a relation with the columns and `_item`. Rows whose array is null or empty have none. */
  explode(relation: string, columns: readonly string[], array: string): string;
  collect(expression: string, orderBy: string): string;
  /** A person's query over `published`, written in DuckDB's SQL. @throws TerminalError that names what this engine can't be trusted with */
  query(sql: string): string;
}

/** What judges texts: DuckDB alone, on every engine, so that a value means the same everywhere (docs/adr/0004). */
export interface ValueDialect extends Dialect {
  /** Null where the text is not a value of the type. The text has been checked against a grammar before. */
  tryCast(expression: string, type: SqlType): string;
  /** True when the whole text matches. */
  matches(expression: string, pattern: string): string;
  replaceAll(expression: string, pattern: string, replacement: string): string;
  /** Removes blanks, tabs and line ends from both sides. */
  trim(expression: string): string;
  /** Texts that are not null, joined by commas. */
  joinPresent(parts: readonly string[]): string;
  /**
   * Timestamp of a text by one JDK pattern, null where the text is not exactly what the pattern prints or its year is before 1. `yy` is
   * a year from 2000 to 2099, as in the JDK.
   */
  parseExactly(expression: string, pattern: string): string;
  /** UTC timestamp of a text that ends with `Z` or an offset: `+01`, `+0130`, `+01:30`, a blank before it allowed. */
  instant(expression: string): string;
  /** UTC timestamp of a local one: the later of two possible ones; any where the local time does not exist. */
  toUtc(localTimestamp: string, zone: string): string;
  /** The opposite. */
  toLocal(utcTimestamp: string, zone: string): string;
  /** True when the whole text is JSON (RFC 8259). */
  isJson(expression: string): string;
}
