-- purpose: every reservation beside what its guest was charged, and every folio that belongs to none; nothing is left out
-- grain: reservation_id; folios that belong to no reservation: folio_id
-- parameters: none
-- zone: none
-- findings: hospitality/folios where finding <> 'matched'
-- Keys are typed by people. One that is equal without blanks, hyphens and case is misaligned: it is matched, and counted in misaligned_keys. Folios are
-- added up per reservation before they are joined, so that none is counted twice; amounts in several currencies have no sum. sum(folios) is the number of folios; rows with a reservation_id, of reservations.
WITH reservations AS (
  SELECT
    reservation_id,
    hotel_code,
    status,
    arrival,
    total_amount,
    currency,
    upper(replace(replace(reservation_id, ' ', ''), '-', '')) AS bare
  FROM hospitality.reservations
),
unambiguous AS (
  SELECT bare, min(reservation_id) AS reservation_id FROM reservations GROUP BY bare HAVING count(*) = 1
),
folios AS (
  SELECT
    f.folio_id,
    f.hotel_code,
    f.charged,
    f.currency,
    coalesce(r.reservation_id, u.reservation_id) AS reservation_id,
    CASE
      WHEN r.reservation_id IS NOT NULL THEN 'exact'
      WHEN u.reservation_id IS NOT NULL THEN 'misaligned'
      WHEN trim(coalesce(f.reservation_id, '')) = '' THEN 'null'
      ELSE 'unknown'
    END AS join_key
  FROM hospitality.folios f
  LEFT JOIN reservations r ON r.reservation_id = f.reservation_id
  LEFT JOIN unambiguous u ON u.bare = upper(replace(replace(f.reservation_id, ' ', ''), '-', ''))
),
charged AS (
  SELECT
    reservation_id,
    count(*) AS folios,
    sum(CASE WHEN join_key = 'misaligned' THEN 1 ELSE 0 END) AS misaligned_keys,
    sum(charged) AS charged,
    min(currency) AS currency,
    count(DISTINCT currency) AS currencies
  FROM folios
  WHERE reservation_id IS NOT NULL
  GROUP BY reservation_id
)
SELECT
  r.reservation_id,
  CAST(NULL AS varchar) AS folio_id,
  r.hotel_code,
  r.status,
  r.arrival,
  CASE
    WHEN c.reservation_id IS NULL THEN 'reservation_without_folio'
    WHEN c.currencies > 1 OR c.currency <> r.currency THEN 'currency_differs'
    WHEN c.charged <> r.total_amount THEN 'amount_differs'
    ELSE 'matched'
  END AS finding,
  coalesce(c.folios, 0) AS folios,
  coalesce(c.misaligned_keys, 0) AS misaligned_keys,
  0 AS null_keys,
  r.total_amount AS reserved,
  CASE WHEN c.currencies = 1 THEN c.charged END AS charged,
  CASE WHEN c.currencies = 1 AND c.currency = r.currency THEN c.charged - r.total_amount END AS difference,
  r.currency
FROM reservations r
LEFT JOIN charged c ON c.reservation_id = r.reservation_id
UNION ALL
SELECT
  CAST(NULL AS varchar) AS reservation_id,
  folio_id,
  hotel_code,
  CAST(NULL AS varchar) AS status,
  CAST(NULL AS date) AS arrival,
  'folio_without_reservation' AS finding,
  1 AS folios,
  0 AS misaligned_keys,
  CASE WHEN join_key = 'null' THEN 1 ELSE 0 END AS null_keys,
  CAST(NULL AS decimal(12, 2)) AS reserved,
  charged,
  CAST(NULL AS decimal(12, 2)) AS difference,
  currency
FROM folios
WHERE reservation_id IS NULL
