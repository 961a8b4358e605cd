-- purpose: which systems know a customer, how many records there are of each, and where the customer lives
-- grain: customer_id
-- parameters: none
-- zone: UTC
-- Made of what the last headgate match run published. Names and ways to reach a customer are tokens in the model and are left out here.
SELECT
  c.customer_id,
  c.suburb,
  c.postcode,
  c.state,
  count(*) AS records,
  count_if(x.source = 'customers/crm') AS crm_records,
  count_if(x.source = 'customers/web') AS web_records,
  count_if(x.source = 'customers/loyalty') AS loyalty_records,
  max(CASE WHEN c.email IS NOT NULL OR c.phone IS NOT NULL THEN 1 ELSE 0 END) = 1 AS can_be_reached
FROM customers.customers c
JOIN customers.customers_xref x ON x.customer_id = c.customer_id
GROUP BY 1, 2, 3, 4
ORDER BY 1
