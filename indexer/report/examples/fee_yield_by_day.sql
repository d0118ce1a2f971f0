-- What does a dollar of liquidity earn in fees, day by day?
-- Look at: fee_yield_bps, fees of a day over its TVL in basis points; the seven-day mean smooths it.
-- Pitfalls: fees are what users paid, not what providers got: that is lp_fees_usd, where events tell it. A day that is not
-- full has both in part: its yield is NULL here.
SELECT
    f.day,
    f.protocol,
    f.coverage,
    f.fees_usd,
    f.lp_fees_usd,
    t.tvl_usd,
    CASE WHEN f.coverage = 'full' THEN perps.ratio(10000 * f.fees_usd, t.tvl_usd, 4) END AS fee_yield_bps,
    perps.ratio(10000 * e.fee_yield, 1, 4) AS fee_yield_7d_bps
FROM perps.fees_daily AS f
JOIN perps.tvl_daily AS t USING (day, protocol)
LEFT JOIN perps.efficiency_daily AS e USING (day, protocol)
WHERE f.coverage <> 'none'
ORDER BY f.day DESC, f.protocol
LIMIT 90;
