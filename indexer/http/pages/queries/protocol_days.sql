-- $1 last day, $2 days, $3 protocol. Every day of the window; of a day that nobody saw the coverage alone is known.
SELECT
    wanted.day::date AS day,
    coalesce(v.coverage, 'none') AS coverage,
    coalesce(v.covered_fraction, 0) AS covered_fraction,
    v.volume_usd,
    t.tvl_usd,
    t.known_fraction,
    f.fees_usd,
    f.lp_fees_usd,
    f.protocol_fees_usd,
    f.unsplit_fees_usd,
    w.net_liquidity_usd,
    v.liquidation_volume_usd,
    v.trades,
    v.traders,
    t.pool_usd,
    t.lending_usd,
    t.insurance_fund_usd
FROM generate_series(($1::date - $2::int + 1)::timestamp, $1::date::timestamp, interval '1 day') AS wanted (day)
LEFT JOIN perps.volume_daily AS v ON v.protocol = $3 AND v.day = wanted.day::date
LEFT JOIN perps.tvl_daily AS t ON t.protocol = $3 AND t.day = wanted.day::date
LEFT JOIN perps.fees_daily AS f ON f.protocol = $3 AND f.day = wanted.day::date
LEFT JOIN LATERAL (
    SELECT CASE WHEN count(l.external_net_flow_usd) = count(*) THEN sum(l.external_net_flow_usd) END AS net_liquidity_usd
    FROM perps.lp_flows_daily AS l
    WHERE l.protocol = $3 AND l.day = wanted.day::date AND l.coverage <> 'none'
) AS w ON true
ORDER BY wanted.day DESC
