-- How much was liquidated, day by day, and who bore the losses?
-- Look at: value by kind beside the day's volume; socialised_loss_usd, what bankruptcies cost others.
-- Pitfalls: Drift's liquidations are rows of their own beside their fills: never add both. A day without one has no row.
SELECT
    l.day,
    l.protocol,
    l.liquidation_kind,
    l.coverage,
    sum(l.liquidations)::bigint AS liquidations,
    sum(l.value_usd) AS value_usd,
    perps.ratio(sum(l.value_usd), max(v.volume_usd), 6) AS of_volume,
    sum(l.insurance_fees_usd) AS insurance_fees_usd,
    sum(l.socialised_loss_usd) AS socialised_loss_usd
FROM perps.liquidations_daily AS l
LEFT JOIN perps.volume_daily AS v USING (day, protocol)
GROUP BY l.day, l.protocol, l.liquidation_kind, l.coverage
ORDER BY l.day DESC, l.protocol, l.liquidation_kind
LIMIT 60;
