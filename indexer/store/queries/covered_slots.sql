-- Asked when the slots are locked: a statement that waited for a lock would not see what was written meanwhile.
-- Only the part of the coverage that a page touches is sent. `FOR SHARE OF r`: who writes rows holds the version of
-- the reference rows; a seed that would change it waits, and then sees these rows.
SELECT c.stream, c.slots * $2::int8multirange AS slots, r.version, b.kept_from, b.bytes_from
FROM ledger.coverage AS c
CROSS JOIN ledger.reference_state AS r
CROSS JOIN (
    SELECT coalesce(max(border) FILTER (WHERE kind = 'all'), 0) AS kept_from, coalesce(max(border), 0) AS bytes_from
    FROM ledger.retention
) AS b
WHERE c.stream = ANY ($1)
ORDER BY c.stream
{hold}
