-- Of these buckets: chains by evidence, and how many of them end with what an event told.
SELECT
    c.evidence,
    count(*) AS chains,
    sum(c.links)::int8 AS links,
    sum(c.readings)::int8 AS readings,
    count(*) FILTER (WHERE c.is_tied) AS tied,
    count(*) FILTER (WHERE NOT coalesce(later.is_closed, c.is_closed, false)) AS open
FROM (
    SELECT
        s.evidence, s.chain, sum(s.links) AS links, sum(s.readings) AS readings,
        bool_or(s.last_slot IS NOT NULL) AS is_tied,
        (array_agg(s.last_is_reading AND s.trail = 0 ORDER BY s.bucket DESC, s.day DESC))[1] AS is_closed
    FROM ledger.chain_segments AS s
    WHERE s.protocol = $1 AND s.bucket BETWEEN $2 AND $3
    GROUP BY s.evidence, s.chain
) AS c
CROSS JOIN LATERAL (
    SELECT nullif(EXISTS (
        SELECT FROM ledger.chain_segments AS n
        WHERE n.protocol = $1 AND n.evidence = c.evidence AND n.chain = c.chain AND n.bucket > $3 AND n.last_slot IS NOT NULL
    ), false) AS is_closed
) AS later
GROUP BY c.evidence
