-- $1 days. The last days that anything is known of, for each protocol: the part of the day that is settled, and seconds of gaps
-- by their state. What is neither was not asked for.
WITH gap AS MATERIALIZED (
    SELECT protocol, state, from_time, greatest(to_time, from_time) + interval '0.4 s' AS until_time
    FROM perps.gaps
    WHERE from_time IS NOT NULL AND to_time IS NOT NULL
),
last AS (
    SELECT greatest(
        (SELECT max(day) FROM perps.coverage_daily), (SELECT max(until_time AT TIME ZONE 'UTC')::date FROM gap)
    ) AS day
),
protocols AS (
    SELECT protocol FROM perps.coverage_daily
    UNION
    SELECT protocol FROM perps.status
)
SELECT
    p.protocol,
    wanted.day::date AS day,
    coalesce(c.covered_fraction, 0) AS covered_fraction,
    coalesce(g.missing_s, 0) AS missing_s,
    coalesce(g.unavailable_s, 0) AS unavailable_s
FROM last
CROSS JOIN protocols AS p
CROSS JOIN LATERAL generate_series((last.day - $1::int + 1)::timestamp, last.day::timestamp, interval '1 day') AS wanted (day)
LEFT JOIN perps.coverage_daily AS c ON c.protocol = p.protocol AND c.day = wanted.day::date
LEFT JOIN LATERAL (
    SELECT sum(part.s) FILTER (WHERE part.state = 'missing') AS missing_s,
        sum(part.s) FILTER (WHERE part.state = 'unavailable') AS unavailable_s
    FROM (
        SELECT gap.state, extract(epoch FROM least(gap.until_time, edge.until) - greatest(gap.from_time, edge.since)) AS s
        FROM gap
        CROSS JOIN (
            SELECT wanted.day AT TIME ZONE 'UTC' AS since, (wanted.day + interval '1 day') AT TIME ZONE 'UTC' AS until
        ) AS edge
        WHERE gap.protocol = p.protocol AND gap.from_time < edge.until AND gap.until_time > edge.since
    ) AS part
) AS g ON true
ORDER BY array_position(ARRAY['gmx_solana', 'jupiter_perps', 'drift'], p.protocol), wanted.day
