-- $1 last day, $2 days, $3 protocols. What was liquidated on each day that was seen; 0 where nothing was.
SELECT
    c.day,
    c.protocol,
    c.coverage,
    c.covered_fraction,
    CASE WHEN count(l.value_usd) = count(l.day) THEN coalesce(sum(l.value_usd), 0) END AS value_usd,
    coalesce(sum(l.liquidations), 0)::bigint AS liquidation_count
FROM perps.coverage_daily AS c
LEFT JOIN perps.liquidations_daily AS l ON l.protocol = c.protocol AND l.day = c.day
WHERE c.protocol = ANY ($3::text[]) AND c.day > $1::date - $2::int AND c.day <= $1::date AND c.coverage <> 'none'
GROUP BY c.day, c.protocol, c.coverage, c.covered_fraction
ORDER BY c.day, c.protocol
