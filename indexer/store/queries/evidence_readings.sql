-- What accounts told: settled by nature.
SELECT {columns} FROM ledger.{table} AS t
WHERE t.protocol = $1 AND t.slot >= $2 AND t.slot < $3 AND t.channel = 'account'{condition}
