-- In the order in which heads are observed, so that nobody waits for each other.
WITH health AS (
    DELETE FROM ledger.providers WHERE holder = $1
)
UPDATE ledger.streams SET holder = NULL WHERE stream IN (
    SELECT stream FROM ledger.streams WHERE holder = $1 ORDER BY stream FOR UPDATE
)
