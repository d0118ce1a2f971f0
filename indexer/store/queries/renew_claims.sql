WITH renewed AS (
    UPDATE ledger.claims SET lease_until = statement_timestamp() + make_interval(secs => $2) WHERE holder = $1
    RETURNING slots
)
SELECT count(*) FROM renewed
