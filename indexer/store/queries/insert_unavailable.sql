-- What is settled is available, whoever says otherwise. Slots that were tried again leave the row of the earlier try.
WITH tried AS (
    SELECT c.stream, $2::int8multirange - c.slots AS slots, date_bin('1 minute', now() + '1 minute', 'epoch') AS at
    FROM ledger.coverage AS c WHERE c.stream = $1
), earlier AS (
    UPDATE ledger.unavailable AS u SET slots = u.slots - tried.slots FROM tried
    WHERE u.stream = $1 AND u.tried_at < tried.at AND u.slots && tried.slots
), emptied AS (
    DELETE FROM ledger.unavailable AS u USING tried WHERE u.stream = $1 AND u.tried_at < tried.at AND isempty(u.slots)
)
INSERT INTO ledger.unavailable AS u (stream, tried_at, slots)
SELECT stream, at, slots FROM tried WHERE NOT isempty(slots)
ON CONFLICT (stream, tried_at) DO UPDATE SET slots = u.slots + excluded.slots
