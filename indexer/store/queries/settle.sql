-- Move coverage, take the slots out of what nobody has, and log it: $2 was not settled before.
WITH settled AS (
    UPDATE ledger.coverage SET slots = slots + $2::int8multirange WHERE stream = $1
), found AS (
    UPDATE ledger.unavailable SET slots = slots - $2::int8multirange WHERE stream = $1 AND slots && $2::int8multirange
)
INSERT INTO ledger.settlements (stream, slots, source, endpoint) VALUES ($1, $2, $3, $4)
