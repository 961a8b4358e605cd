-- purpose: months whose refunds changed after they were first reported: the value then, the value now, and when and by which file it changed
-- grain: customer_id, month, currency
-- parameters: none
-- zone: UTC; the month is that of the refund
-- A month closes one day after the first file of a later business month was received. First reported is what files of business dates up to
-- the end of the month had brought by then, by the rules of refunds_monthly; whatever comes later restates the month, of any business date.
-- changed_by_file (as in headgate.files) is the last one after which the value was another, changed_at when it was received. Customers are those
-- of the accounts as they are now.
WITH received AS (
  SELECT transaction_id, parent_id, type, account_id, amount, currency, transacted_at, updated_at, _source_file, _source_row FROM payments.transactions
  UNION ALL
  SELECT transaction_id, parent_id, type, account_id, amount, currency, transacted_at, updated_at, _source_file, _source_row FROM payments.transactions_earlier
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
-- Transactions that have a say in a refund: itself, the purchases that it has named, the voids that have named it. Every relation is named as rarely as
-- can be: Athena works each mention out again, and takes 150 stages at most.
concerned AS (
  SELECT DISTINCT r.refund_id, r.month, r.closed_at, l.transaction_id
  FROM (
    SELECT
      CASE t.n WHEN 3 THEN v.parent_id ELSE v.transaction_id END AS refund_id,
      CASE t.n WHEN 2 THEN v.parent_id ELSE v.transaction_id END AS transaction_id
    FROM versions v
    CROSS JOIN (VALUES (1), (2), (3)) AS t(n)
    WHERE t.n = 1 OR (v.parent_id IS NOT NULL AND (t.n = 2 OR v.type = 'void'))
  ) l
  JOIN refunds r ON r.refund_id = l.refund_id
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
  SELECT DISTINCT k.refund_id, k.report_month, CASE t.n WHEN 1 THEN k.since ELSE '' END AS moment
  FROM known k
  CROSS JOIN (VALUES (1), (2)) AS t(n)
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
  SELECT *, max(CASE WHEN transaction_id = refund_id THEN parent_id END) OVER (PARTITION BY refund_id, report_month, moment) AS refunded_id
  FROM states
  WHERE place = 1
),
reported AS (
  SELECT
    refund_id,
    report_month,
    moment,
    max(CASE WHEN transaction_id = refund_id THEN account_id END) AS account_id,
    max(CASE WHEN transaction_id = refund_id THEN currency END) AS currency,
    CASE
      WHEN max(CASE WHEN transaction_id = refund_id AND type = 'refund' AND month = report_month THEN 1 ELSE 0 END) = 1
        AND max(CASE WHEN transaction_id = refunded_id AND month <> report_month THEN 1 ELSE 0 END) = 1
        AND max(CASE WHEN type = 'void' AND parent_id = refund_id THEN 1 ELSE 0 END) = 0
      THEN max(CASE WHEN transaction_id = refund_id THEN amount END)
      ELSE 0
    END AS amount
  FROM standing
  GROUP BY 1, 2, 3
),
steps AS (
  SELECT
    r.refund_id,
    r.report_month,
    r.moment,
    coalesce(a.customer_id, '') AS customer_id,
    r.currency,
    r.amount,
    lag(coalesce(a.customer_id, '')) OVER (PARTITION BY r.refund_id, r.report_month ORDER BY r.moment) AS customer_before,
    lag(r.currency) OVER (PARTITION BY r.refund_id, r.report_month ORDER BY r.moment) AS currency_before,
    lag(r.amount) OVER (PARTITION BY r.refund_id, r.report_month ORDER BY r.moment) AS amount_before
  FROM reported r
  LEFT JOIN payments.accounts a ON a.account_id = r.account_id
),
-- What each moment adds to the month of a customer, and takes from it.
changes AS (
  SELECT
    CASE t.n WHEN 1 THEN s.customer_id ELSE s.customer_before END AS customer_id,
    s.report_month,
    CASE t.n WHEN 1 THEN s.currency ELSE s.currency_before END AS currency,
    s.moment,
    s.refund_id,
    sum(CASE t.n WHEN 1 THEN s.amount ELSE -s.amount_before END) AS change
  FROM steps s
  CROSS JOIN (VALUES (1), (2)) AS t(n)
  WHERE t.n = 1 OR s.amount_before IS NOT NULL
  GROUP BY 1, 2, 3, 4, 5
),
months AS (
  SELECT
    customer_id,
    report_month,
    currency,
    sum(CASE WHEN moment = '' THEN change ELSE 0 END) AS first_reported,
    sum(change) AS reported_now,
    max(CASE WHEN moment <> '' AND change <> 0 THEN moment END) AS changed_by
  FROM changes
  GROUP BY 1, 2, 3
)
SELECT
  m.customer_id,
  m.report_month AS month,
  m.first_reported,
  m.reported_now,
  m.reported_now - m.first_reported AS difference,
  f._source_file AS changed_by_file,
  f.received_at AS changed_at,
  m.currency
FROM months m
JOIN files f ON f.arrival = m.changed_by
WHERE m.first_reported <> m.reported_now
ORDER BY 1, 2, m.currency
