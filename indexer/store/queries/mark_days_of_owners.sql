-- Days of flows whose owner an action ($1 protocol, $2 key) tells.
INSERT INTO ledger.dirty_days (day, protocol)
SELECT DISTINCT (f.block_time AT TIME ZONE 'UTC')::date, f.protocol
FROM unnest($1::text[], $2::bytea[]) AS told (protocol, action_key)
CROSS JOIN LATERAL (
    SELECT f.block_time, f.protocol FROM ledger.lp_flows AS f
    WHERE f.action_key = told.action_key AND f.protocol = told.protocol
        AND f.provider IS NULL AND f.action_key IS NOT NULL
    OFFSET 0
) AS f
WHERE f.block_time IS NOT NULL
ON CONFLICT (day, protocol, writer) DO UPDATE SET marked_at = now()
