-- $1 last day, $2 days, $3 protocols. Means of daily values over the full days on which each is known.
SELECT
    p.protocol,
    count(t.tvl_usd) AS known_days,
    max(t.tvl_usd) FILTER (WHERE t.day = $1) AS last_tvl_usd,
    perps.ratio(sum(t.tvl_usd), count(t.tvl_usd), 6) AS mean_tvl_usd,
    perps.ratio(sum(t.pool_usd), count(t.pool_usd), 6) AS pool_usd,
    perps.ratio(sum(t.lending_usd), count(t.lending_usd), 6) AS lending_usd,
    perps.ratio(sum(t.insurance_fund_usd), count(t.insurance_fund_usd), 6) AS insurance_fund_usd,
    perps.ratio(sum(t.tvl_ex_vaults_usd), count(t.tvl_ex_vaults_usd), 6) AS mean_tvl_ex_vaults_usd,
    perps.ratio(sum(t.strategy_vaults_usd), count(t.strategy_vaults_usd), 6) AS strategy_vaults_usd,
    perps.ratio(sum(t.glv_usd), count(t.glv_usd), 6) AS glv_usd,
    min(t.known_fraction) AS known_fraction,
    max(t.components_known) FILTER (WHERE t.day = $1) AS components_known,
    max(t.components_total) FILTER (WHERE t.day = $1) AS components_total,
    max(t.components_unpriced) FILTER (WHERE t.day = $1) AS components_unpriced,
    CASE WHEN min(t.origin) = max(t.origin) THEN min(t.origin) WHEN min(t.origin) IS NOT NULL THEN 'mixed' END AS origin
FROM unnest($3::text[]) WITH ORDINALITY AS p (protocol, place)
LEFT JOIN perps.tvl_daily AS t
    ON t.protocol = p.protocol AND t.day > $1::date - $2::int AND t.day <= $1::date AND t.coverage = 'full'
GROUP BY p.place, p.protocol
ORDER BY p.place
