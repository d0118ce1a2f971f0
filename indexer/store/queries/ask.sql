-- Somebody asks for what was let go: from the partition in which that begins, it is kept again. Rows that are still there
-- without their bytes stay without.
WITH back AS (
    UPDATE ledger.retention AS r SET border = lower($2::int8multirange) / 6480000 * 6480000, at = now()
    FROM ledger.retention AS whole
    WHERE whole.kind = 'all' AND whole.border > lower($2::int8multirange) AND r.border = whole.border
)
INSERT INTO ledger.streams AS s (stream, asked)
SELECT stream, $2::int8multirange FROM unnest($1::text[]) AS stream ORDER BY stream
ON CONFLICT (stream) DO UPDATE SET asked = s.asked + excluded.asked
