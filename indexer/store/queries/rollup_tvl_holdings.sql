-- Which holdings ($1 .. $4) are told anywhere.
bucket AS (
    SELECT DISTINCT protocol, component, component_key, holding
    FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[]) AS told (protocol, component, component_key, holding)
),
made AS (
    SELECT b.*, CASE WHEN length(b.holding) > 2 THEN b.holding END AS mint
    FROM bucket AS b
    CROSS JOIN LATERAL (
        SELECT FROM ledger.hourly_observations AS r
        WHERE r.protocol = b.protocol AND r.component = b.component AND r.component_key = b.component_key
            AND r.holding = b.holding
        LIMIT 1
    ) AS told
)
