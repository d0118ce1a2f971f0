-- Also a mark that is there is touched; see mark_buckets.
INSERT INTO ledger.dirty_prices (hour, protocol, mint)
SELECT hour, protocol, mint
FROM unnest($1::timestamptz[], $2::text[], $3::bytea[]) AS told (hour, protocol, mint)
ORDER BY hour, protocol, mint
ON CONFLICT (hour, protocol, mint) DO UPDATE SET marked_at = now()
