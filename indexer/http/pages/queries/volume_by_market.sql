-- $1 last day, $2 days, $3 protocol. Net perp volume of each day: of the five largest markets of the window, and of all others.
WITH traded AS (
    SELECT m.day, m.market_key, m.market, m.volume_usd
    FROM perps.market_volume_daily AS m
    WHERE m.protocol = $3 AND m.day > $1::date - $2::int AND m.day <= $1::date AND m.coverage <> 'none' AND m.market_kind = 'perp'
),
largest AS (
    SELECT market_key, max(market) AS market, row_number() OVER (ORDER BY sum(volume_usd) DESC NULLS LAST, market_key) AS place
    FROM traded
    GROUP BY market_key
)
SELECT
    t.day,
    CASE WHEN l.place <= 5 THEN l.market ELSE 'all others' END AS market,
    least(l.place, 6) AS place,
    CASE WHEN count(t.volume_usd) = count(*) THEN sum(t.volume_usd) END AS volume_usd
FROM traded AS t
JOIN largest AS l USING (market_key)
GROUP BY 1, 2, 3
ORDER BY 3, 1
