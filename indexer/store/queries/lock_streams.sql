-- The lock under which a stream's rows are written. What a writer that waited gets to see is true when it goes on.
-- Only the part of the coverage that a page touches is sent.
SELECT c.stream, c.slots * $2::int8multirange AS slots
FROM ledger.coverage AS c
WHERE c.stream = ANY ($1)
ORDER BY c.stream
FOR UPDATE
