-- In the order in which heads are observed, so that nobody waits for each other.
WITH health AS (
    DELETE FROM ledger.providers WHERE holder = $1
), shares AS (
    DELETE FROM ledger.rate_leases WHERE holder = $1
), work AS (
    DELETE FROM ledger.workers WHERE holder = $1
)
UPDATE ledger.streams SET holder = NULL WHERE stream IN (
    SELECT stream FROM ledger.streams WHERE holder = $1 ORDER BY stream FOR UPDATE
)
