// What somebody who knows DuckDB well writes by hand.
import { join } from 'node:path';
import { type Feed, feedOf, texts } from '../parts/feeds.ts';
import { duckDb, timed } from '../parts/transactions.ts';

const PARTITIONED = '(FORMAT parquet, COMPRESSION zstd, PARTITION_BY (month))';

/** Every column with its type, and the month. */
const typed = ({ columns, typed: types, month }: Feed): string =>
  [
    ...columns.map((name) => (name in types ? `${types[name]} AS ${name}` : name)),
    `date_diff('month', DATE '1970-01-01', TRY_CAST(${month} AS DATE)) AS month`,
  ].join(', ');

/** The floor: the same parser, casts and partitions with no check, no dedupe, no protection, no accounting. */
export async function bare(file: string, folder: string): Promise<number> {
  const connection = await duckDb(folder);
  return timed(() =>
    connection.run(
      `COPY (SELECT ${typed(feedOf(file))} FROM ${texts(file)}) TO '${join(folder, 'published')}' ${PARTITIONED}`,
    ),
  );
}

/** The same job as Headgate's, without tokens and accounting. */
export async function checked(file: string, folder: string): Promise<number> {
  const connection = await duckDb(folder);
  const feed = feedOf(file);
  const missing = feed.required.map((name) => [`${name}.missing`, `${name} IS NULL`]);
  const reasons = [...missing, ...Object.entries(feed.checks)].map(
    ([reason, broken]) => `CASE WHEN ${broken} THEN '${reason}' END`,
  );
  return timed(async () => {
    await connection.run(
      `CREATE TABLE checked AS SELECT *, nullif(concat_ws(', ', ${reasons.join(', ')}), '') AS reasons FROM ${texts(file)}`,
    );
    await connection.run(
      `COPY (SELECT ${typed(feed)} FROM checked AS c WHERE reasons IS NULL
        QUALIFY row_number() OVER (PARTITION BY ${feed.keys.map((key) => `c.${key}`).join(', ')} ORDER BY c.${feed.orderBy} DESC) = 1)
        TO '${join(folder, 'published')}' ${PARTITIONED}`,
    );
    await connection.run(
      `COPY (FROM checked WHERE reasons IS NOT NULL) TO '${join(folder, 'quarantine.parquet')}' (FORMAT parquet, COMPRESSION zstd)`,
    );
  });
}
