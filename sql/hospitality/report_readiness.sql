-- purpose: whether everything that the morning report needs could be read by 06:00, with what margin, and what it waited for
-- grain: business_date
-- parameters: none
-- zone: the deadline is 06:00 in Amsterdam on the day after the business date; times are UTC
-- verdict: met, missed, or open while the deadline is ahead. margin_minutes: before the deadline, negative after it; of a report that is not ready, until now.
WITH days AS (
  SELECT
    business_date,
    CAST(at_timezone(with_timezone(date_add('hour', 30, CAST(business_date AS timestamp)), 'Europe/Amsterdam'), 'UTC') AS timestamp) AS deadline,
    CASE WHEN count(*) = count(ready_at) THEN max(ready_at) END AS ready_at,
    max_by(input, coalesce(ready_at, TIMESTAMP '9999-12-31 00:00:00')) AS waited_for,
    count(*) - count(ready_at) AS inputs_missing
  FROM hospitality_marts.report_inputs
  GROUP BY business_date
)
SELECT
  business_date,
  CASE
    WHEN ready_at <= deadline THEN 'met'
    WHEN ready_at > deadline OR CAST(current_timestamp AS timestamp) > deadline THEN 'missed'
    ELSE 'open'
  END AS verdict,
  date_diff('minute', coalesce(ready_at, CAST(current_timestamp AS timestamp)), deadline) AS margin_minutes,
  waited_for,
  inputs_missing,
  ready_at,
  deadline
FROM days
