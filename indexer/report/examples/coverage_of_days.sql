-- Which of the last days can be trusted?
-- Look at: coverage of the last fourteen days of each protocol, payloads of those days that could not be read, and TVL
-- components that are known.
-- Pitfalls: partial: the numbers of the day are of what was seen, and it is left out of means. What fills the rest:
-- perps-indexer gaps, perps-indexer repair.
WITH last AS (
    SELECT max(day) AS day FROM perps.coverage_daily
),
unread AS (
    SELECT f.protocol, (f.block_time AT TIME ZONE 'UTC')::date AS day, count(*) AS failures
    FROM perps.failures AS f
    CROSS JOIN last
    WHERE f.block_time >= (last.day - 13)::timestamp AT TIME ZONE 'UTC'
    GROUP BY 1, 2
)
SELECT
    c.day,
    c.protocol,
    c.coverage,
    c.covered_fraction,
    coalesce(u.failures, 0) AS failures,
    t.components_known,
    t.components_total,
    v.unsized_trades,
    f.trades_without_fee
FROM perps.coverage_daily AS c
JOIN last ON c.day > last.day - 14
LEFT JOIN unread AS u ON u.protocol = c.protocol AND u.day = c.day
LEFT JOIN perps.tvl_daily AS t ON t.protocol = c.protocol AND t.day = c.day
LEFT JOIN perps.volume_daily AS v ON v.protocol = c.protocol AND v.day = c.day
LEFT JOIN perps.fees_daily AS f ON f.protocol = c.protocol AND f.day = c.day
ORDER BY c.day DESC, c.protocol;
