SELECT bucket FROM ledger.digests_waiting WHERE stream = $1 AND bucket >= $2 AND bucket <= $3 ORDER BY bucket
