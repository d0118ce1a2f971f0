-- $1 last day, $2 days, $3 protocols. Fees of perp fills over their net volume, as far as fills tell both.
SELECT
    p.protocol,
    day.volume_usd,
    CASE WHEN day.volume_usd IS NOT NULL THEN coalesce(market.fees_usd, CASE WHEN market.rows = 0 THEN 0 END) END AS fees_usd,
    perps.ratio(10000 * market.fees_usd, day.volume_usd, 6) AS effective_fee_bps,
    perps.ratio(10000 * part.base_fees_usd, day.volume_usd, 6) AS base_fee_bps,
    perps.ratio(10000 * part.price_impact_fees_usd, day.volume_usd, 6) AS price_impact_fee_bps,
    perps.ratio(10000 * part.borrow_fees_usd, day.volume_usd, 6) AS borrow_fee_bps
FROM unnest($3::text[]) WITH ORDINALITY AS p (protocol, place)
LEFT JOIN LATERAL (
    SELECT trim_scale(sum(v.volume_usd)) AS volume_usd
    FROM perps.volume_daily AS v
    WHERE v.protocol = p.protocol AND v.day > $1::date - $2::int AND v.day <= $1::date
) AS day ON true
LEFT JOIN LATERAL (
    SELECT count(*) AS rows, trim_scale(sum(m.fees_usd)) AS fees_usd
    FROM perps.market_volume_daily AS m
    WHERE m.protocol = p.protocol AND m.day > $1::date - $2::int AND m.day <= $1::date AND m.market_kind = 'perp'
        AND m.coverage <> 'none'
) AS market ON true
LEFT JOIN LATERAL (
    -- A part that fills of one day do not tell is unknown of all.
    SELECT
        CASE WHEN count(f.base_fees_usd) = count(*) THEN sum(f.base_fees_usd) END AS base_fees_usd,
        CASE WHEN count(f.price_impact_fees_usd) = count(*) THEN sum(f.price_impact_fees_usd) END AS price_impact_fees_usd,
        CASE WHEN count(f.borrow_fees_usd) = count(*) THEN sum(f.borrow_fees_usd) END AS borrow_fees_usd
    FROM perps.fees_daily AS f
    WHERE f.protocol = p.protocol AND f.day > $1::date - $2::int AND f.day <= $1::date AND f.coverage <> 'none'
) AS part ON true
ORDER BY p.place
