import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';

/** Seconds of an action. */
export async function timed(action: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await action();
  return (performance.now() - start) / 1000;
}

export type Figures = Readonly<Record<string, number>>;

export const duckDb = async (folder: string) =>
  (await DuckDBInstance.create(':memory:', { temp_directory: join(folder, 'spill') })).connect();

const BYTES_A_ROW = 100.7;
export const rowsOf = (megabytes: number): number => Math.round((megabytes * 1e6) / BYTES_A_ROW);

export interface Transactions {
  /** Select of a column `i`. */
  readonly ids: string;
  /** Months from January 2025 on. */
  readonly months: number;
  /** Day on which rows were last changed. */
  readonly updated: string;
}

/** When transaction `i` was made: rows are spread over all months. */
export const madeAt = (months: number): string =>
  `TIMESTAMP '2025-01-01' + to_seconds((i * 31 % ${months * 30 * 86_400})::BIGINT)`;

/** Transactions with repeated keys (1 in 500), wrong amounts (1 in 300) and wrong dates (1 in 400). */
export const transactions = ({ ids, months, updated }: Transactions): string =>
  `SELECT 'T' || lpad(CASE WHEN i % 500 = 499 THEN i - 1 ELSE i END::VARCHAR, 10, '0') AS transaction_id,
    CASE WHEN i % 10 = 9 THEN 'T' || lpad((i - 7)::VARCHAR, 10, '0') END AS parent_id,
    CASE WHEN i % 10 <> 9 THEN 'purchase' WHEN i % 20 = 9 THEN 'refund' ELSE 'void' END AS type,
    'A' || lpad((hash(i) % 200000)::VARCHAR, 7, '0') AS account_id,
    CASE WHEN i % 300 = 7 THEN '1e3' ELSE ((hash(i + 1) % 1000000) / 100)::DECIMAL(18,2)::VARCHAR END AS amount, 'EUR' AS currency,
    CASE WHEN i % 400 = 5 THEN '2011-02-30 00:00:00' ELSE strftime(${madeAt(months)}, '%Y-%m-%d %H:%M:%S') END AS transacted_at,
    (4000000000000000 + hash(i % 300000) % 1000000000000000)::VARCHAR AS card_number,
    strftime(TIMESTAMP '${updated}' + to_seconds((i % 86400)::BIGINT), '%Y-%m-%d %H:%M:%S') AS updated_at
  FROM (${ids}) AS ids`;

/** Transactions as a CSV file. */
export async function writeTransactions(file: string, folder: string, what: Transactions): Promise<void> {
  const connection = await duckDb(folder);
  await connection.run(`COPY (${transactions(what)}) TO '${file}' (FORMAT csv, HEADER)`);
}
