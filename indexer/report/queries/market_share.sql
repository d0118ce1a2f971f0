-- $1 last day, $2 days, $3 protocols to show. As perps.market_share_7d, over any window: days that are full in all three.
SELECT
    w.protocol,
    w.days,
    trim_scale(w.volume_usd) AS volume_usd,
    trim_scale(w.all_volume_usd) AS all_volume_usd,
    CASE WHEN w.days >= perps.least_days($2::int) THEN perps.ratio(w.volume_usd, w.all_volume_usd, 9) END AS market_share
FROM (
    SELECT p.place, p.protocol, count(a.day) AS days, sum(v.volume_usd) AS volume_usd, sum(a.volume_usd) AS all_volume_usd
    FROM unnest($3::text[]) WITH ORDINALITY AS p (protocol, place)
    LEFT JOIN (
        SELECT day, sum(volume_usd) AS volume_usd
        FROM perps.volume_daily
        WHERE protocol IN ('drift', 'gmx_solana', 'jupiter_perps') AND coverage = 'full' AND volume_usd IS NOT NULL
            AND day > $1::date - $2::int AND day <= $1::date
        GROUP BY day
        HAVING count(*) = 3
    ) AS a ON true
    LEFT JOIN perps.volume_daily AS v ON v.day = a.day AND v.protocol = p.protocol
    GROUP BY p.place, p.protocol
) AS w
ORDER BY w.place
