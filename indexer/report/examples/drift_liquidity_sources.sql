-- Where does Drift's liquidity come from?
-- Look at: the share of each source in the net volume of the thirty days up to the last full one: JIT auctions, order
-- book, AMM and its mixtures, external venues, liquidations.
-- Pitfalls: every fill of a liquidation counts as that, whoever stood opposite. `unknown`: the fill does not tell.
WITH last AS (
    SELECT max(day) AS day FROM perps.coverage_daily WHERE protocol = 'drift' AND coverage = 'full'
)
SELECT
    s.market_kind,
    s.liquidity_source,
    sum(s.volume_usd) AS volume_usd,
    perps.ratio(sum(s.volume_usd), sum(sum(s.volume_usd)) OVER (PARTITION BY s.market_kind), 4) AS share,
    sum(s.trades)::bigint AS trades,
    count(*) FILTER (WHERE s.coverage = 'full') AS full_days
FROM perps.liquidity_sources_daily AS s
CROSS JOIN last
WHERE s.protocol = 'drift' AND s.day > last.day - 30 AND s.day <= last.day
GROUP BY s.market_kind, s.liquidity_source
ORDER BY s.market_kind, volume_usd DESC NULLS LAST, s.liquidity_source;
