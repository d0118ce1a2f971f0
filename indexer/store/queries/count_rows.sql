SELECT '{table}' AS name, count(*) AS count FROM ledger.{table}
