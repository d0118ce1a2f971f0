-- Who turns over the most on a dollar of liquidity?
-- Look at: capital_efficiency, mean daily volume over mean daily TVL of a week; above 1 the liquidity turns over daily.
-- Of the last full day of each protocol, and of the weeks before.
-- Pitfalls: a ratio uses exactly the days that are full and known in both terms (`days`), and is NULL below five. Drift's
-- TVL is taken without strategy vaults, which hold deposits that are counted already.
WITH last AS (
    SELECT protocol, max(day) AS day FROM perps.coverage_daily WHERE coverage = 'full' GROUP BY protocol
)
SELECT
    e.protocol,
    e.day AS week_ends,
    e.days,
    e.mean_volume_usd,
    e.mean_tvl_ex_vaults_usd,
    e.capital_efficiency,
    e.fee_yield,
    s.market_share
FROM last
JOIN perps.efficiency_daily AS e
    ON e.protocol = last.protocol AND e.day <= last.day AND e.day > last.day - 28 AND (last.day - e.day) % 7 = 0
LEFT JOIN perps.market_share_7d AS s ON s.protocol = e.protocol AND s.day = e.day
ORDER BY e.day DESC, e.capital_efficiency DESC NULLS LAST, e.protocol;
