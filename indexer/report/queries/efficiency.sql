-- $1 last day, $2 days, $3 protocols. As perps.efficiency_daily, over any window: exactly the days that are full, and known,
-- in both terms of a ratio.
SELECT
    w.protocol,
    w.days,
    perps.ratio(w.volume_usd, w.days, 6) AS mean_volume_usd,
    perps.ratio(w.tvl_ex_vaults_usd, w.days, 6) AS mean_tvl_ex_vaults_usd,
    CASE WHEN w.days >= perps.least_days($2::int) THEN perps.ratio(w.volume_usd, w.tvl_ex_vaults_usd, 9) END AS capital_efficiency,
    w.fee_days,
    perps.ratio(w.fees_usd, w.fee_days, 6) AS mean_fees_usd,
    perps.ratio(w.tvl_usd, w.fee_days, 6) AS mean_tvl_usd,
    CASE WHEN w.fee_days >= perps.least_days($2::int) THEN perps.ratio(w.fees_usd, w.tvl_usd, 9) END AS fee_yield,
    CASE WHEN w.fee_days >= perps.least_days($2::int) THEN perps.ratio(365 * w.fees_usd, w.tvl_usd, 9) END AS fee_yield_annual
FROM (
    SELECT p.place, p.protocol,
        count(*) FILTER (WHERE d.has_volume) AS days,
        sum(d.volume_usd) FILTER (WHERE d.has_volume) AS volume_usd,
        sum(d.tvl_ex_vaults_usd) FILTER (WHERE d.has_volume) AS tvl_ex_vaults_usd,
        count(*) FILTER (WHERE d.has_fees) AS fee_days,
        sum(d.fees_usd) FILTER (WHERE d.has_fees) AS fees_usd,
        sum(d.tvl_usd) FILTER (WHERE d.has_fees) AS tvl_usd
    FROM unnest($3::text[]) WITH ORDINALITY AS p (protocol, place)
    LEFT JOIN LATERAL (
        SELECT v.volume_usd, t.tvl_usd, t.tvl_ex_vaults_usd, f.fees_usd,
            v.volume_usd IS NOT NULL AND t.tvl_ex_vaults_usd IS NOT NULL AS has_volume,
            f.fees_usd IS NOT NULL AND t.tvl_usd IS NOT NULL AS has_fees
        FROM perps.volume_daily AS v
        JOIN perps.tvl_daily AS t USING (day, protocol)
        JOIN perps.fees_daily AS f USING (day, protocol)
        WHERE v.protocol = p.protocol AND v.day > $1::date - $2::int AND v.day <= $1::date AND v.coverage = 'full'
    ) AS d ON true
    GROUP BY p.place, p.protocol
) AS w
ORDER BY w.place
