-- purpose: per campaign the users who clicked and those of them who then converted
-- grain: campaign_id
-- parameters: none
-- zone: UTC
-- Definition: by users. A user is counted once, however often he clicked or converted; he converted when a conversion of his in the same campaign is not
-- earlier than his first click. conversion_rate = round(100 * users_converted / users_clicked, 2). Conversions of users who never clicked
-- count nowhere here. By events: see campaign_performance.
WITH first_clicks AS (
  SELECT campaign_id, user_id, min(occurred_at) AS clicked_at
  FROM advertising.clicks_conversions
  WHERE event_type = 'click'
  GROUP BY 1, 2
),
last_conversions AS (
  SELECT campaign_id, user_id, max(occurred_at) AS converted_at
  FROM advertising.clicks_conversions
  WHERE event_type = 'conversion'
  GROUP BY 1, 2
)
SELECT
  f.campaign_id,
  count(*) AS users_clicked,
  count(l.user_id) AS users_converted,
  round(CAST(100 AS double) * count(l.user_id) / count(*), 2) AS conversion_rate
FROM first_clicks f
LEFT JOIN last_conversions l
  ON l.campaign_id = f.campaign_id AND l.user_id = f.user_id AND l.converted_at >= f.clicked_at
GROUP BY 1
ORDER BY 1
