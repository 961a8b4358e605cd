-- purpose: what the morning report needs of every business date, and when each of it could be read
-- grain: business_date, input
-- parameters: none
-- zone: UTC
-- An input is ready when the first of its files was published, unless that run was rolled back; a later replay or correction does not change it. state is
-- what has become of its newest file. A date of which nothing has come stands here once it is past due.
WITH inputs AS (
  SELECT input, prefix FROM (
    VALUES
      ('reservations of harbour', 'hospitality/reservations/harbour/'),
      ('reservations of meadow', 'hospitality/reservations/meadow/'),
      ('reservations of summit', 'hospitality/reservations/summit/'),
      ('folios', 'hospitality/folios/')
  ) AS v (input, prefix)
),
days AS (
  SELECT business_date
  FROM headgate.files
  WHERE dataset IN ('hospitality/reservations', 'hospitality/folios') AND business_date IS NOT NULL
  UNION
  SELECT CAST(date AS date)
  FROM headgate.arrivals
  WHERE dataset IN ('hospitality/reservations', 'hospitality/folios') AND state <> 'due'
)
SELECT
  d.business_date,
  i.input,
  coalesce(max_by(f.state, f.received_at), 'missing') AS state,
  min(f.received_at) AS received_at,
  min(r.updated_at) AS ready_at
FROM days d
CROSS JOIN inputs i
LEFT JOIN headgate.files f ON f.business_date = d.business_date AND substr(f.key, 1, length(i.prefix)) = i.prefix
LEFT JOIN headgate.runs r ON r.run_id IN (f.first_run_id, f.run_id) AND r.dataset = f.dataset AND r.state = 'published'
GROUP BY 1, 2
