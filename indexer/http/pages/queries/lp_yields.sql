-- $1 last day, $2 days, $3 protocols. Fee yields of seven days, day by day, of the six largest pools of the last day.
WITH largest AS (
    SELECT protocol, venue, venue_key, lp_mint, max(mean_tvl_usd) AS tvl_usd
    FROM perps.lp_yield_daily
    WHERE protocol = ANY ($3::text[]) AND day = $1::date
    GROUP BY protocol, venue, venue_key, lp_mint
    ORDER BY max(mean_tvl_usd) DESC NULLS LAST, protocol, venue, venue_key
    LIMIT 6
)
SELECT y.day, y.protocol, y.name, y.fee_yield_annual
FROM largest AS l
JOIN perps.lp_yield_daily AS y
    ON y.protocol = l.protocol AND y.venue = l.venue AND y.venue_key = l.venue_key AND y.lp_mint IS NOT DISTINCT FROM l.lp_mint
WHERE y.day > $1::date - $2::int AND y.day <= $1::date
ORDER BY l.tvl_usd DESC NULLS LAST, y.protocol, y.name, y.day
