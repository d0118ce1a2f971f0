-- Hours that an amount told in an hour ($1 .. $5 holding) reaches: up to the next hour in which the holding is told, or
-- the last that is covered.
INSERT INTO ledger.dirty_holdings (hour, protocol, component, component_key, holding)
SELECT DISTINCT reached.hour, told.protocol, told.component, told.component_key, told.holding
FROM unnest($1::timestamptz[], $2::text[], $3::text[], $4::text[], $5::bytea[])
    AS told (hour, protocol, component, component_key, holding)
CROSS JOIN LATERAL (
    SELECT min(n.hour) AS hour FROM ledger.hourly_observations AS n
    WHERE n.protocol = told.protocol AND n.component = told.component AND n.component_key = told.component_key
        AND n.holding = told.holding AND n.hour > told.hour
) AS next
CROSS JOIN LATERAL (
    SELECT max(s.ends_at) AS ends_at FROM ledger.covered_spans AS s WHERE s.stream = told.protocol
) AS head
CROSS JOIN LATERAL generate_series(
    told.hour, least(next.hour, head.ends_at - interval '1 second'), interval '1 hour'
) AS reached (hour)
ON CONFLICT DO NOTHING
