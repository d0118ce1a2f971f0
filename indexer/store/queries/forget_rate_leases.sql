-- What ran out. Two who forget at once skip each other's.
DELETE FROM ledger.rate_leases WHERE (endpoint, holder) IN (
    SELECT endpoint, holder FROM ledger.rate_leases WHERE lease_until <= statement_timestamp() FOR UPDATE SKIP LOCKED
)
