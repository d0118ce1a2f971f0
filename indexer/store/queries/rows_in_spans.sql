-- Rows of one stream in some spans. The outer bounds let partitions be left out before any is looked at. The protocol is
-- compared so that no index can serve it: while a partition is empty, one that begins with the protocol seems as good as
-- the key, and a page would read all that its protocol gets until somebody analyzes.
SELECT {columns}
FROM unnest($2::int8[], $3::int8[]) AS span (first, behind)
CROSS JOIN LATERAL (
    SELECT * FROM ledger.{table} AS t
    WHERE t.protocol || '' = $1 AND t.slot >= span.first AND t.slot < span.behind AND t.slot >= $4 AND t.slot < $5
) AS t
