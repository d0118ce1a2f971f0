-- As in tables_with_rows no index may serve the comparison of the protocol.
SELECT {columns} FROM ledger.{table} AS t WHERE t.slot >= $2 AND t.slot < $3 AND t.protocol || '' = $1 AND t.settled
