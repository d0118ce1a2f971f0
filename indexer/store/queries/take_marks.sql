-- Marks, the newest first, with the transaction that last touched each.
SELECT {key}, d.xmin::text AS version
FROM ledger.{table} AS d
ORDER BY {newest}
LIMIT $1
