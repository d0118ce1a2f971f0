-- $1 last day, $2 days, $3 protocols. Fee yields are those of perps.lp_yield_daily (seven days); returns of the price over
-- the window.
SELECT
    y.protocol,
    y.venue,
    y.name,
    y.lp_price_usd,
    perps.ratio(y.lp_price_usd - before.lp_price_usd, before.lp_price_usd, 9) AS price_return,
    perps.ratio(365 * (y.lp_price_usd - before.lp_price_usd), $2::int * before.lp_price_usd, 9) AS price_return_annual,
    y.price_return_30d,
    y.days,
    y.mean_lp_fees_usd AS mean_lp_fees_7d_usd,
    y.mean_tvl_usd AS mean_tvl_7d_usd,
    y.fee_yield_annual AS fee_yield_7d_annual,
    y.venue_key,
    y.lp_mint
FROM perps.lp_yield_daily AS y
LEFT JOIN perps.lp_yield_daily AS before
    ON before.protocol = y.protocol AND before.venue = y.venue AND before.venue_key = y.venue_key
    AND before.lp_mint = y.lp_mint AND before.day = $1::date - $2::int
WHERE y.day = $1::date AND y.protocol = ANY ($3::text[])
ORDER BY y.protocol, y.venue, y.mean_tvl_usd DESC NULLS LAST, y.name, y.venue_key, y.lp_mint
