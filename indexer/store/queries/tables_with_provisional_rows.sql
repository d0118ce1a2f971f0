-- Of one table: its name, if the stream has provisional rows within the bounds. One branch for each table.
SELECT '{table}' AS name
WHERE EXISTS (SELECT FROM ledger.{table} AS t WHERE t.protocol = $1 AND NOT t.settled AND t.slot >= $2 AND t.slot < $3)
