-- A mark that is there is touched; see mark_buckets.
INSERT INTO ledger.dirty_owners (protocol, action_key)
SELECT protocol, action_key FROM unnest($1::text[], $2::bytea[]) AS told (protocol, action_key)
ON CONFLICT (protocol, action_key, writer) DO UPDATE SET marked_at = now()
