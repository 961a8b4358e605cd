-- purpose: refunds whose purchase is not in the table, so that none is lost
-- grain: transaction_id
-- parameters: none
-- zone: UTC
-- findings: payments/transactions
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
LEFT JOIN payments.transactions v ON v.parent_id = r.transaction_id AND v.type = 'void'
WHERE r.type = 'refund' AND p.transaction_id IS NULL AND v.transaction_id IS NULL
ORDER BY r.transaction_id
