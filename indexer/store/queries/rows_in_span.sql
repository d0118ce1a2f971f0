SELECT {columns}
FROM ledger.{table} AS t
WHERE t.slot >= $1 AND t.slot < $2
ORDER BY {key}
