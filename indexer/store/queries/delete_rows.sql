-- Rows by their keys. The outer bounds let partitions be left out before any is looked at.
DELETE FROM ledger.{table} AS t
USING unnest({arrays}) AS gone ({key})
WHERE {match} AND t.slot >= {first} AND t.slot < {behind}
