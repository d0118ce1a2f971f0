-- $1 last day, $2 days, $3 protocols. Sums are of what was seen, and unknown where a seen day is;
-- means are over full days.
SELECT
    p.protocol,
    count(f.fees_usd) FILTER (WHERE f.coverage = 'full') AS days,
    perps.ratio(
        sum(f.fees_usd) FILTER (WHERE f.coverage = 'full'), count(f.fees_usd) FILTER (WHERE f.coverage = 'full'), 6
    ) AS mean_fees_usd,
    CASE WHEN count(f.fees_usd) = count(*) THEN trim_scale(sum(f.fees_usd)) END AS fees_usd,
    CASE WHEN count(f.net_fees_usd) = count(*) THEN trim_scale(sum(f.net_fees_usd)) END AS net_fees_usd,
    CASE WHEN count(f.lp_fees_usd) = count(*) THEN trim_scale(sum(f.lp_fees_usd)) END AS lp_fees_usd,
    CASE WHEN count(f.protocol_fees_usd) = count(*) THEN trim_scale(sum(f.protocol_fees_usd)) END AS protocol_fees_usd,
    CASE WHEN count(f.unsplit_fees_usd) = count(*) THEN trim_scale(sum(f.unsplit_fees_usd)) END AS unsplit_fees_usd,
    CASE WHEN count(f.trading_fees_usd) = count(*) THEN trim_scale(sum(f.trading_fees_usd)) END AS trading_fees_usd,
    CASE WHEN count(f.base_fees_usd) = count(*) THEN trim_scale(sum(f.base_fees_usd)) END AS base_fees_usd,
    CASE WHEN count(f.price_impact_fees_usd) = count(*) THEN trim_scale(sum(f.price_impact_fees_usd)) END AS price_impact_fees_usd,
    CASE WHEN count(f.borrow_fees_usd) = count(*) THEN trim_scale(sum(f.borrow_fees_usd)) END AS borrow_fees_usd,
    CASE WHEN count(f.liquidation_fees_usd) = count(*) THEN trim_scale(sum(f.liquidation_fees_usd)) END AS liquidation_fees_usd,
    CASE WHEN count(f.venue_fees_usd) = count(*) THEN trim_scale(sum(f.venue_fees_usd)) END AS venue_fees_usd,
    CASE WHEN count(f.swap_fees_usd) = count(*) THEN trim_scale(sum(f.swap_fees_usd)) END AS swap_fees_usd,
    CASE WHEN count(f.mint_burn_fees_usd) = count(*) THEN trim_scale(sum(f.mint_burn_fees_usd)) END AS mint_burn_fees_usd,
    CASE WHEN count(f.trigger_fees_usd) = count(*) THEN trim_scale(sum(f.trigger_fees_usd)) END AS trigger_fees_usd,
    CASE WHEN count(f.insurance_fees_usd) = count(*) THEN trim_scale(sum(f.insurance_fees_usd)) END AS insurance_fees_usd,
    CASE WHEN count(f.rebates_usd) = count(*) THEN trim_scale(sum(f.rebates_usd)) END AS rebates_usd,
    CASE WHEN count(f.rewards_usd) = count(*) THEN trim_scale(sum(f.rewards_usd)) END AS rewards_usd,
    sum(f.trades_without_fee)::bigint AS trades_without_fee,
    sum(f.other_rows_without_fee)::bigint AS other_rows_without_fee
FROM unnest($3::text[]) WITH ORDINALITY AS p (protocol, place)
LEFT JOIN perps.fees_daily AS f ON f.protocol = p.protocol AND f.day > $1::date - $2::int AND f.day <= $1::date
    AND f.coverage <> 'none'
GROUP BY p.place, p.protocol
ORDER BY p.place
