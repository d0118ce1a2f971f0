-- How much of each Drift market is filled by just-in-time makers?
-- Look at: jit_share, the part of net volume that JIT auctions filled, alone or together with the AMM; amm_share, the AMM
-- alone. Of the seven days that end with the last full one.
-- Pitfalls: liquidations and fills that do not tell their source are in the volume and in no share.
WITH last AS (
    SELECT max(day) AS day FROM perps.coverage_daily WHERE protocol = 'drift' AND coverage = 'full'
)
SELECT
    t.market,
    t.market_kind,
    sum(t.size_usd) AS volume_usd,
    perps.ratio(coalesce(sum(t.size_usd) FILTER (WHERE t.liquidity_source IN ('jit_auction', 'amm_jit', 'amm_jit_lp', 'lp_jit')
        AND t.is_liquidation IS NOT TRUE), 0), sum(t.size_usd), 4) AS jit_share,
    perps.ratio(coalesce(sum(t.size_usd) FILTER (WHERE t.liquidity_source = 'amm'
        AND t.is_liquidation IS NOT TRUE), 0), sum(t.size_usd), 4) AS amm_share,
    perps.ratio(coalesce(sum(t.size_usd) FILTER (WHERE t.liquidity_source = 'order_book'
        AND t.is_liquidation IS NOT TRUE), 0), sum(t.size_usd), 4) AS order_book_share,
    count(*) AS trades
FROM perps.trades AS t
CROSS JOIN last
WHERE t.protocol = 'drift' AND t.excluded IS NULL
    AND t.block_time >= (last.day - 6)::timestamp AT TIME ZONE 'UTC'
    AND t.block_time < (last.day + 1)::timestamp AT TIME ZONE 'UTC'
GROUP BY t.market, t.market_kind
ORDER BY volume_usd DESC NULLS LAST, t.market;
