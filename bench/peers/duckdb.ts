// What somebody who knows DuckDB well writes by hand.
import { join } from 'node:path';
import { duckDb, texts, timed } from '../parts/transactions.ts';

const PARTITIONED = '(FORMAT parquet, COMPRESSION zstd, PARTITION_BY (month))';
const month = (timestamp: string) => `date_diff('month', DATE '1970-01-01', ${timestamp}::DATE) AS month`;

/** The floor: the same parser, casts and partitions with no check, no dedupe, no protection, no accounting. */
export async function bare(file: string, folder: string): Promise<number> {
  const connection = await duckDb(folder);
  return timed(() =>
    connection.run(`COPY (SELECT transaction_id, parent_id, type, account_id, TRY_CAST(amount AS DECIMAL(18,2)) AS amount, currency,
      TRY_CAST(transacted_at AS TIMESTAMP) AS transacted_at, card_number, TRY_CAST(updated_at AS TIMESTAMP) AS updated_at,
      ${month('TRY_CAST(transacted_at AS TIMESTAMP)')} FROM ${texts(file)}) TO '${join(folder, 'published')}' ${PARTITIONED}`),
  );
}

const CHECKS: Readonly<Record<string, string>> = {
  'transaction_id.missing': 'transaction_id IS NULL',
  'transaction_id.length': 'length(transaction_id) > 20',
  'transaction_id.pattern': "NOT regexp_full_match(transaction_id, 'T[0-9]+')",
  'parent_id.length': 'length(parent_id) > 20',
  'type.missing': 'type IS NULL',
  'type.not_allowed': "type NOT IN ('purchase', 'refund', 'void')",
  'account_id.missing': 'account_id IS NULL',
  'amount.missing': 'amount IS NULL',
  'amount.type': "NOT regexp_full_match(amount, '-?[0-9]{1,16}(\\.[0-9]{1,2}0*)?')",
  'amount.range': 'TRY_CAST(amount AS DECIMAL(18,2)) < 0',
  'currency.missing': 'currency IS NULL',
  'currency.pattern': "NOT regexp_full_match(currency, '[A-Z]{3}')",
  'transacted_at.missing': 'transacted_at IS NULL',
  'transacted_at.type': 'transacted_at IS NOT NULL AND TRY_CAST(transacted_at AS TIMESTAMP) IS NULL',
  'updated_at.missing': 'updated_at IS NULL',
  'updated_at.type': 'updated_at IS NOT NULL AND TRY_CAST(updated_at AS TIMESTAMP) IS NULL',
  child_has_parent: "type <> 'purchase' AND parent_id IS NULL",
};

/** The same job as Headgate's, without tokens and accounting. */
export async function checked(file: string, folder: string): Promise<number> {
  const connection = await duckDb(folder);
  const reasons = Object.entries(CHECKS).map(
    ([reason, broken]) => `CASE WHEN ${broken} THEN '${reason}' END`,
  );
  return timed(async () => {
    await connection.run(
      `CREATE TABLE checked AS SELECT *, nullif(concat_ws(', ', ${reasons.join(', ')}), '') AS reasons FROM ${texts(file)}`,
    );
    await connection.run(
      `COPY (SELECT * EXCLUDE (reasons) REPLACE (amount::DECIMAL(18,2) AS amount, transacted_at::TIMESTAMP AS transacted_at, updated_at::TIMESTAMP AS updated_at),
        ${month('transacted_at')} FROM checked WHERE reasons IS NULL QUALIFY row_number() OVER (PARTITION BY transaction_id ORDER BY updated_at DESC) = 1)
        TO '${join(folder, 'published')}' ${PARTITIONED}`,
    );
    await connection.run(
      `COPY (FROM checked WHERE reasons IS NOT NULL) TO '${join(folder, 'quarantine.parquet')}' (FORMAT parquet, COMPRESSION zstd)`,
    );
  });
}
