-- A mark that is there is touched; see mark_buckets.
INSERT INTO ledger.dirty_prices (hour, protocol, mint)
SELECT hour, protocol, mint
FROM unnest($1::timestamptz[], $2::text[], $3::bytea[]) AS told (hour, protocol, mint)
ON CONFLICT (hour, protocol, mint, writer) DO UPDATE SET marked_at = now()
