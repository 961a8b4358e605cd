-- purpose: months whose refunds changed after they were first reported: the value then, the value now, and when and by which file it changed
-- grain: customer_id, month, currency
-- parameters: none
-- zone: UTC; the month is that of the refund
-- A month closes one day after the first file of a later business month was received. First reported is what files of business dates up to
-- the end of the month had brought by then, by the rules of refunds_monthly; whatever comes later restates the month, of any business date.
-- changed_by_file (as in headgate.files) is the last one after which the value was another, changed_at when it was received: where a file was
-- loaded again, or another took its place (replay, backfill, quarantine release), when that run began. Customers are those of the accounts as they are now.
WITH received AS (
  SELECT
    transaction_id, parent_id, type, account_id, amount, currency, transacted_at, updated_at, _source_file, _source_row, _run_id,
    CAST(NULL AS varchar) AS _withdrawn_by,
    CAST(NULL AS varchar) AS _withdrawn_run
  FROM payments.transactions
  UNION ALL
  SELECT
    transaction_id, parent_id, type, account_id, amount, currency, transacted_at, updated_at, _source_file, _source_row, _run_id,
    _withdrawn_by, _withdrawn_run
  FROM payments.transactions_earlier
),
-- came, went: when a row came and went, as texts that sort by time; what a run brought that took others of its files away came with that run.
versions AS (
  SELECT
    r.*,
    CAST(date_trunc('month', r.transacted_at) AS date) AS month,
    CAST(concat(substr(r._source_file, 1, 7), '-01') AS date) AS file_month,
    coalesce(l.run_id, substr(r._source_file, 12)) AS came,
    r._withdrawn_run AS went
  FROM received r
  LEFT JOIN (SELECT DISTINCT _withdrawn_run AS run_id FROM payments.transactions_earlier) l ON l.run_id = r._run_id
),
closed AS (
  SELECT
    m.month,
    date_format(
      date_add(
        'day',
        1,
        CAST(
          concat(
            substr(min(f.arrival), 1, 4), '-', substr(min(f.arrival), 5, 2), '-', substr(min(f.arrival), 7, 2), ' ',
            substr(min(f.arrival), 10, 2), ':', substr(min(f.arrival), 12, 2), ':', substr(min(f.arrival), 14, 2)
          ) AS timestamp
        )
      ),
      '%Y%m%dT%H%i%s'
    ) AS closed_at
  FROM (SELECT DISTINCT month FROM versions WHERE type = 'refund') m
  JOIN (SELECT file_month, min(substr(_source_file, 12)) AS arrival FROM versions GROUP BY 1) f ON f.file_month > m.month
  GROUP BY 1
),
refunds AS (
  SELECT DISTINCT v.transaction_id AS refund_id, c.month, c.closed_at
  FROM versions v
  JOIN closed c ON c.month = v.month
  WHERE v.type = 'refund'
),
voids AS (
  SELECT DISTINCT transaction_id, parent_id FROM received WHERE type = 'void' AND parent_id IS NOT NULL
),
-- Transactions that have a say in a refund: itself, the purchases that it has named, the voids that have named it, and the voids of these. Every relation is named as rarely as
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
    UNION ALL
    SELECT v.parent_id AS refund_id, w.transaction_id
    FROM voids w
    JOIN voids v ON v.transaction_id = w.parent_id
  ) l
  JOIN refunds r ON r.refund_id = l.refund_id
),
known AS (
  SELECT
    c.refund_id,
    c.month AS report_month,
    v.*,
    -- Empty: before the month closed. A tilde sorts behind all times.
    CASE WHEN v.file_month <= c.month AND v.came < c.closed_at THEN '' ELSE v.came END AS since,
    CASE WHEN v.went IS NULL THEN '~' WHEN v.file_month <= c.month AND v.went < c.closed_at THEN '' ELSE v.went END AS until
  FROM concerned c
  JOIN versions v ON v.transaction_id = c.transaction_id
),
moments AS (
  SELECT
    k.refund_id,
    k.report_month,
    CASE t.n WHEN 1 THEN k.since WHEN 2 THEN k.until ELSE '' END AS moment,
    max(CASE t.n WHEN 1 THEN k._source_file WHEN 2 THEN k._withdrawn_by END) AS by_file
  FROM known k
  CROSS JOIN (VALUES (1), (2), (3)) AS t(n)
  WHERE t.n <> 2 OR k.until <> '~'
  GROUP BY 1, 2, 3
),
states AS (
  SELECT
    m.moment,
    m.by_file,
    k.*,
    row_number() OVER (
      PARTITION BY m.refund_id, m.report_month, m.moment, k.transaction_id ORDER BY k.updated_at DESC, k._source_file DESC, k._source_row DESC
    ) AS place
  FROM moments m
  JOIN known k ON k.refund_id = m.refund_id AND k.report_month = m.report_month AND k.since <= m.moment AND m.moment < k.until
),
standing AS (
  SELECT
    *,
    max(CASE WHEN transaction_id = refund_id THEN parent_id END) OVER (PARTITION BY refund_id, report_month, moment) AS refunded_id,
    -- A void of a void stands with the void that it names.
    max(CASE WHEN type = 'void' AND parent_id <> refund_id THEN 1 ELSE 0 END) OVER (
      PARTITION BY refund_id, report_month, moment, CASE WHEN type = 'void' AND parent_id <> refund_id THEN parent_id ELSE transaction_id END
    ) AS is_undone
  FROM states
  WHERE place = 1
),
reported AS (
  SELECT
    refund_id,
    report_month,
    moment,
    max(by_file) AS by_file,
    max(CASE WHEN transaction_id = refund_id THEN account_id END) AS account_id,
    max(CASE WHEN transaction_id = refund_id THEN currency END) AS currency,
    CASE
      WHEN max(CASE WHEN transaction_id = refund_id AND type = 'refund' AND month = report_month THEN 1 ELSE 0 END) = 1
        AND max(CASE WHEN transaction_id = refunded_id AND month <> report_month THEN 1 ELSE 0 END) = 1
        AND max(CASE WHEN type = 'void' AND parent_id = refund_id AND is_undone = 0 THEN 1 ELSE 0 END) = 0
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
    r.by_file,
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
    max(s.by_file) AS by_file,
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
    max(CASE WHEN moment <> '' AND change <> 0 THEN moment END) AS changed_at,
    max_by(by_file, CASE WHEN moment <> '' AND change <> 0 THEN moment END) AS changed_by_file
  FROM changes
  GROUP BY 1, 2, 3
)
SELECT
  m.customer_id,
  m.report_month AS month,
  m.first_reported,
  m.reported_now,
  m.reported_now - m.first_reported AS difference,
  m.changed_by_file,
  CAST(
    concat(
      substr(m.changed_at, 1, 4), '-', substr(m.changed_at, 5, 2), '-', substr(m.changed_at, 7, 2), ' ',
      substr(m.changed_at, 10, 2), ':', substr(m.changed_at, 12, 2), ':', substr(m.changed_at, 14, 2)
    ) AS timestamp
  ) AS changed_at,
  m.currency
FROM months m
WHERE m.first_reported <> m.reported_now
ORDER BY 1, 2, m.currency
