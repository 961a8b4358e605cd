-- purpose: by source, what matching made of its records, so that a source that suddenly finds no partners shows
-- grain: source
-- parameters: none
-- zone: UTC
-- shared: the customer has records of another source too. repeated: another record of the same source is the same customer. alone: neither.
-- decided_by_people: linked by a decision in the review queue. open_pairs: pairs in the queue that wait for one and have a record of this source.
WITH records AS (
  SELECT
    x.source,
    x.customer_id,
    x.matched_by,
    count(*) OVER (PARTITION BY x.customer_id) AS of_customer,
    count(*) OVER (PARTITION BY x.customer_id, x.source) AS of_source
  FROM customers.customers_xref x
),
waiting AS (
  SELECT source, count(*) AS pairs
  FROM (
    SELECT left_source AS source, review_id FROM customers.customers_review WHERE state = 'open'
    UNION
    SELECT right_source AS source, review_id FROM customers.customers_review WHERE state = 'open'
  ) s
  GROUP BY 1
)
SELECT
  r.source,
  count(*) AS records,
  count(DISTINCT r.customer_id) AS customers,
  count_if(r.of_customer > r.of_source) AS shared,
  count_if(r.of_source > 1) AS repeated,
  count_if(r.of_customer = 1) AS alone,
  count_if(r.matched_by = 'review') AS decided_by_people,
  coalesce(max(w.pairs), 0) AS open_pairs
FROM records r
LEFT JOIN waiting w ON w.source = r.source
GROUP BY 1
ORDER BY 1
