-- purpose: months whose refunds changed after they were first reported: the value then, the value now, and when and by which file it changed
-- grain: customer_id, month
-- parameters: none
-- zone: UTC; a month closes with its last day, by the business date of the file (the first ten signs of _source_file)
-- A transaction that was sent again counts from the file that sent it last: a corrected one shows as 0 before it. changed_at is when the file was received.
WITH voids AS (
  SELECT parent_id, min(_source_file) AS first_file FROM payments.transactions WHERE type = 'void' AND parent_id IS NOT NULL GROUP BY parent_id
),
refunds AS (
  SELECT
    coalesce(a.customer_id, '') AS customer_id,
    CAST(date_trunc('month', r.transacted_at) AS date) AS month,
    r.amount,
    substr(r._source_file, 1, 10) <= CAST(last_day_of_month(r.transacted_at) AS varchar) AS was_known,
    v.parent_id IS NOT NULL AND substr(v.first_file, 1, 10) <= CAST(last_day_of_month(r.transacted_at) AS varchar) AS was_voided,
    v.parent_id IS NOT NULL AS is_voided,
    greatest(r._source_file, coalesce(v.first_file, r._source_file)) AS latest_file
  FROM payments.transactions r
  JOIN payments.transactions p ON p.transaction_id = r.parent_id
  LEFT JOIN payments.accounts a ON a.account_id = r.account_id
  LEFT JOIN voids v ON v.parent_id = r.transaction_id
  WHERE r.type = 'refund' AND date_trunc('month', p.transacted_at) <> date_trunc('month', r.transacted_at)
),
months AS (
  SELECT
    customer_id,
    month,
    sum(CASE WHEN was_known AND NOT was_voided THEN amount ELSE 0 END) AS first_reported,
    sum(CASE WHEN NOT is_voided THEN amount ELSE 0 END) AS reported_now,
    sum(CASE WHEN NOT is_voided THEN amount ELSE 0 END) - sum(CASE WHEN was_known AND NOT was_voided THEN amount ELSE 0 END) AS difference,
    max(CASE WHEN (was_known AND NOT was_voided) <> (NOT is_voided) THEN latest_file END) AS changed_by_file
  FROM refunds
  GROUP BY 1, 2
  HAVING sum(CASE WHEN was_known AND NOT was_voided THEN amount ELSE 0 END) <> sum(CASE WHEN NOT is_voided THEN amount ELSE 0 END)
)
SELECT
  customer_id,
  month,
  first_reported,
  reported_now,
  difference,
  changed_by_file,
  CAST(
    concat(
      substr(changed_by_file, 12, 4), '-', substr(changed_by_file, 16, 2), '-', substr(changed_by_file, 18, 2), ' ',
      substr(changed_by_file, 21, 2), ':', substr(changed_by_file, 23, 2), ':', substr(changed_by_file, 25, 2)
    ) AS timestamp
  ) AS changed_at
FROM months
ORDER BY 1, 2
