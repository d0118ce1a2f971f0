-- Hours that an amount told in an hour ($1 .. $5 holding) reaches: up to the next hour in which the holding is told, or
-- the last that is covered. What a list names reaches all that the list ever named.
WITH told AS (
    SELECT hour, protocol, component, component_key, holding
    FROM unnest($1::timestamptz[], $2::text[], $3::text[], $4::text[], $5::bytea[])
        AS mark (hour, protocol, component, component_key, holding)
    UNION
    SELECT mark.hour, mark.protocol, mark.component, mark.component_key, h.holding
    FROM unnest($1::timestamptz[], $2::text[], $3::text[], $4::text[], $5::bytea[])
        AS mark (hour, protocol, component, component_key, holding)
    JOIN ledger.listed_components AS l ON l.protocol = mark.protocol AND l.component = mark.component
    JOIN ledger.tvl_holdings AS h
        ON h.protocol = mark.protocol AND h.component = mark.component AND h.component_key = mark.component_key
)
INSERT INTO ledger.dirty_holdings (hour, protocol, component, component_key, holding)
SELECT DISTINCT reached.hour, told.protocol, told.component, told.component_key, told.holding
FROM told
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
