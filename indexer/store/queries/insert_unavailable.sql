-- What is settled is available, whoever says otherwise.
INSERT INTO ledger.unavailable AS u (stream, slots)
SELECT c.stream, $2::int8multirange - c.slots FROM ledger.coverage AS c WHERE c.stream = $1
ON CONFLICT (stream) DO UPDATE SET slots = u.slots + excluded.slots WHERE NOT u.slots @> excluded.slots
