-- The lock under which a stream's rows are written. What a writer that waited gets to see is true when it goes on.
-- Only the part of the coverage that a page touches is sent. `FOR SHARE OF r`: who writes rows holds the version of
-- the reference rows; a seed that would change it waits, and then sees these rows.
SELECT c.stream, c.slots * $2::int8multirange AS slots, r.version
FROM ledger.coverage AS c CROSS JOIN ledger.reference_state AS r
WHERE c.stream = ANY ($1)
ORDER BY c.stream
FOR UPDATE OF c {hold}
