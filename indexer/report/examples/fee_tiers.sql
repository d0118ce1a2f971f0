-- Which fee rates do traders pay?
-- Look at: how volume is spread over rates, in basis points of the notional, of the seven days up to the last full one.
-- Pitfalls: Jupiter's and GMX's `fee_usd` holds borrowing and price impact, so the rate is made of base_fee_usd where fills
-- tell it. Drift's is the taker's: makers' rebates are another row's. Fills that tell no fee are the tier NULL.
WITH last AS (
    SELECT protocol, max(day) AS day FROM perps.coverage_daily WHERE coverage = 'full' GROUP BY protocol
),
fill AS (
    SELECT t.protocol, t.size_usd, perps.ratio(10000 * coalesce(t.base_fee_usd, t.fee_usd), t.size_usd, 1) AS rate_bps
    FROM perps.trades AS t
    JOIN last USING (protocol)
    WHERE t.market_kind = 'perp' AND t.excluded IS NULL AND t.size_usd > 0 AND t.is_liquidation IS NOT TRUE
        AND t.block_time >= (last.day - 6)::timestamp AT TIME ZONE 'UTC'
        AND t.block_time < (last.day + 1)::timestamp AT TIME ZONE 'UTC'
)
SELECT
    protocol,
    rate_bps,
    count(*) AS trades,
    sum(size_usd) AS volume_usd,
    perps.ratio(sum(size_usd), sum(sum(size_usd)) OVER (PARTITION BY protocol), 4) AS volume_share
FROM fill
GROUP BY protocol, rate_bps
ORDER BY protocol, volume_usd DESC, rate_bps
LIMIT 60;
