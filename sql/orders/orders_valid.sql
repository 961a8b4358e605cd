-- purpose: orders that can have happened: no order date in the future
-- grain: order_id
-- parameters: none
-- zone: UTC
SELECT
  order_id, source, customer_id, payment_id, voucher_id, product_id, website,
  order_status, voucher_status, payment_status, order_date, payment_date
FROM orders.orders
WHERE order_date <= current_timestamp
