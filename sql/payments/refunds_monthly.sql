-- purpose: total refunds per customer, month and currency
-- grain: customer_id, month, currency
-- parameters: none
-- zone: UTC; the month is that of the refund
-- A transaction with a void child is ignored, a refund like a purchase. A refund whose purchase lies in the same year and month is
-- ignored. A refund whose purchase is not in the table is not counted here: see orphan_refunds. A refund of a voided purchase counts:
-- the money went back. A void that is itself voided is ignored, too: what it had voided counts again. Whether that second void has been voided in
-- turn is not looked at. Refunds of accounts without customer stand under an empty customer_id.
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
  coalesce(a.customer_id, '') AS customer_id,
  CAST(date_trunc('month', r.transacted_at) AS date) AS month,
  sum(r.amount) AS refunds,
  count(*) AS refund_count,
  r.currency
FROM payments.transactions r
JOIN payments.transactions p ON p.transaction_id = r.parent_id
LEFT JOIN payments.accounts a ON a.account_id = r.account_id
LEFT JOIN voided v ON v.parent_id = r.transaction_id
WHERE r.type = 'refund'
  AND v.parent_id IS NULL
  AND date_trunc('month', p.transacted_at) <> date_trunc('month', r.transacted_at)
GROUP BY 1, 2, r.currency
ORDER BY 1, 2, r.currency
