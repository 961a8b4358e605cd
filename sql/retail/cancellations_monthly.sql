-- purpose: cancelled invoice lines and their value per month
-- grain: month
-- parameters: none
-- zone: local time of the shop
SELECT
  CAST(date_trunc('month', invoice_date) AS date) AS month,
  count(*) AS cancelled_lines,
  CAST(sum(quantity * unit_price) AS decimal(18, 2)) AS total
FROM retail.sales
WHERE invoice_no LIKE 'C%'
GROUP BY 1
ORDER BY 1
