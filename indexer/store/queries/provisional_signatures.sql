-- Every payload leaves a row in one of the two tables; their partial indexes hold provisional rows alone.
SELECT DISTINCT t.slot, t.signature
FROM unnest($2::int8[], $3::int8[]) AS span (first, behind)
CROSS JOIN LATERAL (
    SELECT slot, signature FROM ledger.events
    WHERE protocol = $1 AND NOT settled AND slot >= span.first AND slot < span.behind AND slot >= $4 AND slot < $5
    UNION ALL
    SELECT slot, signature FROM ledger.failures
    WHERE protocol = $1 AND NOT settled AND slot >= span.first AND slot < span.behind AND slot >= $4 AND slot < $5
) AS t
