-- What nobody may claim of these streams. Leases that ran out are dropped, whoever held them.
WITH expired AS (
    DELETE FROM ledger.claims WHERE lease_until <= statement_timestamp()
)
SELECT slots FROM ledger.claims WHERE stream = ANY ($1) AND lease_until > statement_timestamp()
