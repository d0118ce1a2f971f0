-- $1 protocol, $2 key of a market, or its symbol. A market that is no reference row is known by its fills.
SELECT found.* FROM (
    SELECT m.market, m.market_key, m.market_kind, m.base_asset, m.max_leverage, 1 AS place
    FROM perps.markets AS m
    WHERE m.protocol = $1 AND (m.market_key = $2 OR m.market = $2)
    UNION ALL
    SELECT v.market, v.market_key, v.market_kind, v.base_asset, NULL, 2
    FROM perps.market_volume_daily AS v
    WHERE v.protocol = $1 AND v.market_key = $2
) AS found
ORDER BY found.market_key = $2 DESC, found.place, found.market_key
LIMIT 1
