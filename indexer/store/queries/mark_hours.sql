-- Also a mark that is there is touched: who takes it away waits for this transaction.
INSERT INTO ledger.dirty_hours (hour, protocol, market_key)
SELECT hour, protocol, market_key
FROM unnest($1::timestamptz[], $2::text[], $3::text[]) AS bucket (hour, protocol, market_key)
ORDER BY hour, protocol, market_key
ON CONFLICT (hour, protocol, market_key) DO UPDATE SET marked_at = now()
