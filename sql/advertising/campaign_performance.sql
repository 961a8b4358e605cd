-- purpose: impressions, clicks and conversions per campaign and user, with their rates in percent
-- grain: campaign_id, user_id
-- parameters: none
-- zone: UTC
-- Definition: by events. click_through_rate = round(100 * clicks / impressions, 2), conversion_rate = round(100 * conversions / clicks, 2), 0 where the
-- divisor is 0; a conversion counts whether or not its user clicked. By users who clicked: see campaign_conversions. Impressions, clicks and
-- conversions are counted apart, so no join multiplies them. An impression belongs to the campaign that its creative had at that moment; one
-- whose creative had none stands under an empty campaign_id.
WITH counted AS (
  SELECT coalesce(c.campaign_id, '') AS campaign_id, i.user_id, count(*) AS impressions, 0 AS clicks, 0 AS conversions
  FROM advertising.impressions i
  LEFT JOIN advertising.creatives c
    ON c.creative_id = i.creative_id
    AND c.effective_from <= i.occurred_at
    AND (c.effective_to IS NULL OR i.occurred_at < c.effective_to)
  GROUP BY 1, 2
  UNION ALL
  SELECT campaign_id, user_id, 0, count_if(event_type = 'click'), count_if(event_type = 'conversion')
  FROM advertising.clicks_conversions
  GROUP BY 1, 2
),
performance AS (
  SELECT
    campaign_id,
    user_id,
    CAST(sum(impressions) AS bigint) AS impressions,
    CAST(sum(clicks) AS bigint) AS clicks,
    CAST(sum(conversions) AS bigint) AS conversions
  FROM counted
  GROUP BY 1, 2
)
SELECT
  campaign_id,
  user_id,
  impressions,
  clicks,
  conversions,
  CASE WHEN impressions = 0 THEN 0 ELSE round(CAST(100 AS double) * clicks / impressions, 2) END AS click_through_rate,
  CASE WHEN clicks = 0 THEN 0 ELSE round(CAST(100 AS double) * conversions / clicks, 2) END AS conversion_rate
FROM performance
ORDER BY 1, 2
