-- Days of flows whose owner an action ($1 protocol, $2 key) tells.
INSERT INTO ledger.dirty_days (day, protocol)
SELECT DISTINCT (f.block_time AT TIME ZONE 'UTC')::date, f.protocol
FROM unnest($1::text[], $2::bytea[]) AS told (protocol, action_key)
JOIN ledger.lp_flows AS f
    ON f.action_key = told.action_key AND f.protocol = told.protocol AND f.provider IS NULL AND f.action_key IS NOT NULL
WHERE f.block_time IS NOT NULL
ORDER BY 1, 2
ON CONFLICT (day, protocol) DO UPDATE SET marked_at = now()
