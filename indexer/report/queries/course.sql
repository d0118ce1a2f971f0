-- $1 last day, $2 days, $3 protocols. The course of seven-day means, NULL where a week has too few full days.
WITH flow AS (
    SELECT day, protocol,
        CASE WHEN count(external_net_flow_usd) = count(*) THEN sum(external_net_flow_usd) END AS net_flow_usd
    FROM perps.lp_flows_daily
    WHERE coverage = 'full' AND protocol = ANY ($3::text[]) AND day > $1::date - $2::int - 6 AND day <= $1::date
    GROUP BY day, protocol
)
SELECT
    e.day,
    e.protocol,
    CASE WHEN e.days >= perps.least_days(7) THEN e.mean_volume_usd END AS mean_volume_usd,
    CASE WHEN e.days >= perps.least_days(7) THEN e.mean_tvl_ex_vaults_usd END AS mean_tvl_ex_vaults_usd,
    CASE WHEN e.fee_days >= perps.least_days(7) THEN e.mean_fees_usd END AS mean_fees_usd,
    e.capital_efficiency,
    e.fee_yield,
    s.market_share,
    CASE WHEN w.days >= perps.least_days(7) THEN w.mean_flow_usd END AS mean_flow_usd
FROM perps.efficiency_daily AS e
LEFT JOIN perps.market_share_7d AS s USING (day, protocol)
LEFT JOIN LATERAL (
    SELECT count(f.net_flow_usd) AS days, perps.ratio(sum(f.net_flow_usd), count(f.net_flow_usd), 6) AS mean_flow_usd
    FROM flow AS f
    WHERE f.protocol = e.protocol AND f.day > e.day - 7 AND f.day <= e.day
) AS w ON true
WHERE e.protocol = ANY ($3::text[]) AND e.day > $1::date - $2::int AND e.day <= $1::date
ORDER BY e.protocol, e.day
