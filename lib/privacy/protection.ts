import type { Column } from '../contract/dataset.ts';
import type { Dialect } from '../plan/dialect.ts';

/** Version of the key that made a token; stands in front of it. */
export const KEY_VERSION = 'v1';
/** 32 hexadecimal digits: HMAC-SHA256 truncated to 128 bits, the half that RFC 2104 section 5 allows at least. */
export const TOKEN_DIGITS = 32;
/** Name of the secret; the engine binds its padded keys as `pii_inner` and `pii_outer`. */
export const PII_SECRET = 'pii';

/** What is hashed: the domain, a unit separator, the value. The same value has the same token in every dataset of a domain. */
export const tokenMessage = (domain: string, value: string): string => `${domain}\u001f${value}`;

/** SQL of the token of a text; null for null. */
export const token = (domain: string, text: string, sql: Dialect): string =>
  sql.concat(
    sql.literal(`${KEY_VERSION}_`),
    sql.prefix(sql.hmac(PII_SECRET, sql.concat(sql.literal(tokenMessage(domain, '')), text)), TOKEN_DIGITS),
  );

export const isTokenized = (column: Column): boolean =>
  column.pii?.action === 'tokenize' || column.pii?.action === 'vault';

/** Curated has no such column. */
export const isDropped = (column: Column): boolean =>
  column.pii?.action === 'drop' || column.isStray === true;

/** Longest part of a masked text that stays readable, and the shortest text of which it does. */
const SHOWN = 4;
const SHORTEST_SHOWN = 12;

/** SQL of a text as other people may see it: token, mask, constant or nothing; unchanged where the column is not personal. */
export function protectedText(domain: string, column: Column, text: string, sql: Dialect): string {
  switch (column.pii?.action) {
    case undefined:
      return text;
    case 'tokenize':
    case 'vault':
      return token(domain, text, sql);
    case 'mask':
      return `CASE WHEN ${sql.length(text)} >= ${SHORTEST_SHOWN} THEN ${sql.concat("'****'", sql.right(text, SHOWN))} WHEN ${text} IS NOT NULL THEN '****' END`;
    case 'redact':
      return `CASE WHEN ${text} IS NOT NULL THEN '[redacted]' END`;
    case 'drop':
      return `CAST(NULL AS ${sql.type({ kind: 'text' })})`;
  }
}
