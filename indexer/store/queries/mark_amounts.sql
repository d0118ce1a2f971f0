-- A mark that is there is touched; see mark_buckets.
INSERT INTO ledger.dirty_amounts (hour, protocol, component, component_key, holding)
SELECT hour, protocol, component, component_key, holding
FROM unnest($1::timestamptz[], $2::text[], $3::text[], $4::text[], $5::bytea[])
    AS told (hour, protocol, component, component_key, holding)
ON CONFLICT (hour, protocol, component, component_key, holding, writer) DO UPDATE SET marked_at = now()
