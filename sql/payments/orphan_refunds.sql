-- purpose: refunds whose purchase is not in the table, so that none is lost
-- grain: transaction_id
-- parameters: none
-- zone: UTC
-- findings: payments/transactions
-- Voided ones are left out, by the rules of refunds_monthly.
WITH voids AS (
  SELECT transaction_id, parent_id FROM payments.transactions WHERE type = 'void' AND parent_id IS NOT NULL
),
voided AS (
  SELECT DISTINCT v.parent_id
  FROM voids v
  LEFT JOIN voids w ON w.parent_id = v.transaction_id
  WHERE w.transaction_id IS NULL
)
SELECT
  r.transaction_id,
  r.parent_id,
  r.account_id,
  r.amount,
  r.currency,
  r.transacted_at,
  r._source_file
FROM payments.transactions r
LEFT JOIN payments.transactions p ON p.transaction_id = r.parent_id
LEFT JOIN voided v ON v.parent_id = r.transaction_id
WHERE r.type = 'refund' AND p.transaction_id IS NULL AND v.parent_id IS NULL
ORDER BY r.transaction_id
