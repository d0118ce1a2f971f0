-- $1 last day, $2 days, $3 protocols. The markets in which most was liquidated.
SELECT
    l.protocol,
    l.market,
    l.market_key,
    sum(l.liquidations)::bigint AS liquidation_count,
    CASE WHEN count(l.value_usd) = count(*) THEN trim_scale(sum(l.value_usd)) END AS value_usd
FROM perps.liquidations_daily AS l
WHERE l.protocol = ANY ($3::text[]) AND l.day > $1::date - $2::int AND l.day <= $1::date AND l.coverage <> 'none'
GROUP BY l.protocol, l.market, l.market_key
ORDER BY sum(l.value_usd) DESC NULLS LAST, l.protocol, l.market_key
LIMIT 20
