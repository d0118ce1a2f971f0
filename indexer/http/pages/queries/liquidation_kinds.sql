-- $1 last day, $2 days, $3 protocols. What was liquidated in the window, by kind.
SELECT
    l.protocol,
    l.liquidation_kind,
    sum(l.liquidations)::bigint AS liquidation_count,
    CASE WHEN count(l.value_usd) = count(*) THEN trim_scale(sum(l.value_usd)) END AS value_usd,
    CASE WHEN count(l.insurance_fees_usd) = count(*) THEN trim_scale(sum(l.insurance_fees_usd)) END AS insurance_fees_usd,
    CASE WHEN count(l.socialised_loss_usd) = count(*) THEN trim_scale(sum(l.socialised_loss_usd)) END AS socialised_loss_usd,
    sum(l.unvalued_liquidations)::bigint AS unvalued_liquidations
FROM perps.liquidations_daily AS l
WHERE l.protocol = ANY ($3::text[]) AND l.day > $1::date - $2::int AND l.day <= $1::date AND l.coverage <> 'none'
GROUP BY l.protocol, l.liquidation_kind
ORDER BY l.protocol, sum(l.value_usd) DESC NULLS LAST, l.liquidation_kind
