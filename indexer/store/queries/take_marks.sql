-- Marks, the newest first, each with who made it and the transaction that last touched it.
SELECT {key}, d.writer, d.xmin::text AS version
FROM ledger.{table} AS d
ORDER BY {newest}
LIMIT $1
