-- Move coverage, take the slots out of what nobody has, and log it: these spans were not settled before. The log joins
-- what one endpoint settles within an hour, up to a hundred pieces.
WITH newly AS (
    SELECT stream, range_agg(int8range(first, behind)) AS slots
    FROM unnest($1::text[], $2::int8[], $3::int8[]) AS span (stream, first, behind)
    GROUP BY stream
), locked AS (
    SELECT c.stream FROM ledger.coverage AS c WHERE c.stream IN (SELECT stream FROM newly) ORDER BY c.stream FOR UPDATE
), settled AS (
    UPDATE ledger.coverage AS c SET slots = c.slots + newly.slots FROM newly JOIN locked USING (stream)
    WHERE c.stream = newly.stream
), found AS (
    UPDATE ledger.unavailable AS u SET slots = u.slots - newly.slots FROM newly
    WHERE u.stream = newly.stream AND u.slots && newly.slots
), joined AS (
    UPDATE ledger.settlements AS s SET slots = s.slots + newly.slots, last_at = now() FROM newly
    WHERE s.id = (
        SELECT max(id) FROM ledger.settlements AS earlier
        WHERE earlier.stream = newly.stream AND earlier.at >= date_trunc('hour', now(), 'UTC')
            AND earlier.source = $4 AND earlier.endpoint IS NOT DISTINCT FROM $5
            AND (SELECT count(*) FROM unnest(earlier.slots)) < 100
    )
    RETURNING s.stream
)
INSERT INTO ledger.settlements (stream, slots, source, endpoint)
SELECT stream, slots, $4, $5 FROM newly WHERE stream NOT IN (SELECT stream FROM joined) ORDER BY stream
