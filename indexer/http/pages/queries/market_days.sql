-- $1 last day, $2 days, $3 protocol, $4 key of the market. Every day of the window; a day that was seen whole and has no
-- fill is 0.
SELECT
    wanted.day::date AS day,
    coalesce(c.coverage, 'none') AS coverage,
    coalesce(c.covered_fraction, 0) AS covered_fraction,
    CASE WHEN m.day IS NULL AND c.coverage = 'full' THEN 0 ELSE m.volume_usd END AS volume_usd,
    CASE WHEN m.day IS NULL AND c.coverage = 'full' THEN 0 ELSE m.buy_volume_usd END AS buy_volume_usd,
    CASE WHEN m.day IS NULL AND c.coverage = 'full' THEN 0 ELSE m.sell_volume_usd END AS sell_volume_usd,
    CASE WHEN m.day IS NULL AND c.coverage = 'full' THEN 0 ELSE m.fees_usd END AS fees_usd,
    CASE WHEN m.day IS NULL AND c.coverage = 'full' THEN 0 ELSE m.liquidation_volume_usd END AS liquidation_volume_usd,
    CASE WHEN m.day IS NULL AND c.coverage = 'full' THEN 0 ELSE m.trades END AS trades,
    CASE WHEN m.day IS NULL AND c.coverage = 'full' THEN 0 ELSE m.traders END AS traders,
    p.close_usd,
    o.long_usd,
    o.short_usd,
    o.skew,
    r.funding_rate,
    r.borrow_rate
FROM generate_series(($1::date - $2::int + 1)::timestamp, $1::date::timestamp, interval '1 day') AS wanted (day)
LEFT JOIN perps.coverage_daily AS c ON c.protocol = $3 AND c.day = wanted.day::date
LEFT JOIN perps.market_volume_daily AS m ON m.protocol = $3 AND m.market_key = $4 AND m.day = wanted.day::date
LEFT JOIN LATERAL (
    SELECT h.close_usd FROM perps.market_prices_hourly AS h
    WHERE h.protocol = $3 AND h.market_key = $4
        AND h.hour >= wanted.day AT TIME ZONE 'UTC' AND h.hour < (wanted.day + interval '1 day') AT TIME ZONE 'UTC'
    ORDER BY h.hour DESC LIMIT 1
) AS p ON true
LEFT JOIN perps.open_interest_daily AS o ON o.protocol = $3 AND o.market_key = $4 AND o.day = wanted.day::date
LEFT JOIN LATERAL (
    SELECT max(f.mean_rate) FILTER (WHERE f.rate_kind = 'funding') AS funding_rate,
        max(f.mean_rate) FILTER (WHERE f.rate_kind = 'borrow') AS borrow_rate
    FROM perps.funding_daily AS f
    WHERE f.protocol = $3 AND f.market_key = $4 AND f.day = wanted.day::date
) AS r ON true
ORDER BY wanted.day DESC
