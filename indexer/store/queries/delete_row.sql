DELETE FROM ledger.{table} WHERE {key}
