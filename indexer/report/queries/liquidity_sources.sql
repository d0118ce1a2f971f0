-- $1 last day, $2 days, $3 protocols, of which only Drift has more than one source.
SELECT
    s.protocol,
    s.market_kind,
    s.liquidity_source,
    trim_scale(sum(s.volume_usd)) AS volume_usd,
    perps.ratio(sum(s.volume_usd), sum(sum(s.volume_usd)) OVER (PARTITION BY s.protocol, s.market_kind), 6) AS volume_share,
    sum(s.trades)::bigint AS trades
FROM perps.liquidity_sources_daily AS s
WHERE s.protocol = 'drift' AND s.protocol = ANY ($3::text[]) AND s.day > $1::date - $2::int AND s.day <= $1::date
GROUP BY s.protocol, s.market_kind, s.liquidity_source
ORDER BY s.protocol, s.market_kind, sum(s.volume_usd) DESC NULLS LAST, s.liquidity_source
