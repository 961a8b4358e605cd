-- purpose: months whose refunds changed after they were first reported: the value then, the value now, and when and by which file it changed
-- grain: customer_id, month
-- parameters: none
-- zone: UTC; the month is that of the refund
-- A month closes one day after the first file of a later business month was received. First reported is what files of business dates up to
-- the end of the month had brought by then, by the rules of refunds_monthly; whatever comes later restates the month, of any business date.
-- changed_by_file (as in headgate.files) is the last one after which the value was another, changed_at when it was received. Customers are those
-- of the accounts as they are now.
WITH received AS (
  SELECT transaction_id, parent_id, type, account_id, amount, transacted_at, updated_at, _source_file, _source_row FROM payments.transactions
  UNION ALL
  SELECT transaction_id, parent_id, type, account_id, amount, transacted_at, updated_at, _source_file, _source_row FROM payments.transactions_earlier
),
versions AS (
  SELECT
    *,
    CAST(date_trunc('month', transacted_at) AS date) AS month,
    CAST(concat(substr(_source_file, 1, 7), '-01') AS date) AS file_month,
    substr(_source_file, 12) AS arrival,
    CAST(
      concat(
        substr(_source_file, 12, 4), '-', substr(_source_file, 16, 2), '-', substr(_source_file, 18, 2), ' ',
        substr(_source_file, 21, 2), ':', substr(_source_file, 23, 2), ':', substr(_source_file, 25, 2)
      ) AS timestamp
    ) AS received_at
  FROM received
),
files AS (
  SELECT _source_file, file_month, arrival, min(received_at) AS received_at FROM versions GROUP BY 1, 2, 3
),
closed AS (
  SELECT m.month, date_add('day', 1, min(f.received_at)) AS closed_at
  FROM (SELECT DISTINCT month FROM versions WHERE type = 'refund') m
  JOIN files f ON f.file_month > m.month
  GROUP BY 1
),
refunds AS (
  SELECT DISTINCT v.transaction_id AS refund_id, c.month, c.closed_at
  FROM versions v
  JOIN closed c ON c.month = v.month
  WHERE v.type = 'refund'
),
-- Transactions that have a say in a refund: itself, the purchases that it has named, the voids that have named it.
concerned AS (
  SELECT refund_id, month, closed_at, refund_id AS transaction_id FROM refunds
  UNION
  SELECT r.refund_id, r.month, r.closed_at, v.parent_id FROM refunds r JOIN versions v ON v.transaction_id = r.refund_id WHERE v.parent_id IS NOT NULL
  UNION
  SELECT r.refund_id, r.month, r.closed_at, v.transaction_id FROM refunds r JOIN versions v ON v.parent_id = r.refund_id WHERE v.type = 'void'
),
known AS (
  SELECT
    c.refund_id,
    c.month AS report_month,
    v.*,
    -- Empty: known when the month closed.
    CASE WHEN v.file_month <= c.month AND v.received_at <= c.closed_at THEN '' ELSE v.arrival END AS since
  FROM concerned c
  JOIN versions v ON v.transaction_id = c.transaction_id
),
moments AS (
  SELECT refund_id, report_month, since AS moment FROM known
  UNION
  SELECT refund_id, month, '' FROM refunds
),
states AS (
  SELECT
    m.moment,
    k.*,
    row_number() OVER (
      PARTITION BY m.refund_id, m.report_month, m.moment, k.transaction_id ORDER BY k.updated_at DESC, k._source_file DESC, k._source_row DESC
    ) AS place
  FROM moments m
  JOIN known k ON k.refund_id = m.refund_id AND k.report_month = m.report_month AND k.since <= m.moment
),
standing AS (
  SELECT * FROM states WHERE place = 1
),
voided AS (
  SELECT DISTINCT refund_id, report_month, moment FROM standing WHERE type = 'void' AND parent_id = refund_id
),
counted AS (
  SELECT r.refund_id, r.report_month, r.moment, coalesce(a.customer_id, '') AS customer_id, r.amount
  FROM standing r
  JOIN standing p ON p.refund_id = r.refund_id AND p.report_month = r.report_month AND p.moment = r.moment AND p.transaction_id = r.parent_id
  LEFT JOIN voided v ON v.refund_id = r.refund_id AND v.report_month = r.report_month AND v.moment = r.moment
  LEFT JOIN payments.accounts a ON a.account_id = r.account_id
  WHERE r.transaction_id = r.refund_id AND r.type = 'refund' AND r.month = r.report_month AND p.month <> r.month AND v.refund_id IS NULL
),
steps AS (
  SELECT
    c.customer_id,
    m.report_month,
    m.moment,
    coalesce(n.amount, 0) AS amount,
    lag(coalesce(n.amount, 0)) OVER (PARTITION BY m.refund_id, m.report_month, c.customer_id ORDER BY m.moment) AS amount_before,
    row_number() OVER (PARTITION BY m.refund_id, m.report_month, c.customer_id ORDER BY m.moment DESC) AS from_last
  FROM moments m
  JOIN (SELECT DISTINCT refund_id, report_month, customer_id FROM counted) c ON c.refund_id = m.refund_id AND c.report_month = m.report_month
  LEFT JOIN counted n
    ON n.refund_id = m.refund_id AND n.report_month = m.report_month AND n.moment = m.moment AND n.customer_id = c.customer_id
),
months AS (
  SELECT
    customer_id,
    report_month,
    sum(CASE WHEN moment = '' THEN amount ELSE 0 END) AS first_reported,
    sum(CASE WHEN from_last = 1 THEN amount ELSE 0 END) AS reported_now,
    max(CASE WHEN amount <> amount_before THEN moment END) AS changed_by
  FROM steps
  GROUP BY 1, 2
)
SELECT
  m.customer_id,
  m.report_month AS month,
  m.first_reported,
  m.reported_now,
  m.reported_now - m.first_reported AS difference,
  f._source_file AS changed_by_file,
  f.received_at AS changed_at
FROM months m
JOIN files f ON f.arrival = m.changed_by
WHERE m.first_reported <> m.reported_now
ORDER BY 1, 2
