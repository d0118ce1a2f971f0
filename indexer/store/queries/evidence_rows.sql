-- Where settled rows of one kind lie.
SELECT t.slot, t.signature, t.index FROM ledger.{table} AS t
WHERE t.protocol = $1 AND t.slot >= $2 AND t.slot < $3 AND t.settled AND t.channel <> 'account'
