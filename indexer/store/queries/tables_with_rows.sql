-- Of one table: the streams that have a row in their bounds; "which" says of which stream, and narrows them. One branch for
-- each table. The outer bounds $4 and $5 let partitions be left out before any is looked at.
SELECT '{table}' AS name, s.stream
FROM unnest($1::text[], $2::int8[], $3::int8[]) AS s (stream, first, behind)
CROSS JOIN LATERAL (
    SELECT FROM ledger.{table} AS t
    WHERE {which} AND t.slot >= s.first AND t.slot < s.behind AND t.slot >= $4 AND t.slot < $5
    LIMIT 1
) AS t
