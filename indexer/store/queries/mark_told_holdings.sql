-- Hours that an amount told in an hour ($1 .. $5 holding) reaches: up to the next hour in which the holding is told, or
-- as long as it may hold: to the end of the settled span of its slot, which lies between the anchors around its hour, or
-- until a reading is too old, and never behind all that is covered; and hours in which something held until now. So
-- history that is filled far behind the head marks nothing up to there. What a list names reaches all that the list ever
-- named.
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
CROSS JOIN LATERAL (
    SELECT
        (SELECT a.slot FROM ledger.slot_times AS a WHERE a.time < told.hour ORDER BY a.time DESC LIMIT 1) AS before,
        (SELECT a.slot FROM ledger.slot_times AS a WHERE a.time > told.hour + interval '1 hour' ORDER BY a.time LIMIT 1)
            AS behind
) AS slot
CROSS JOIN LATERAL (
    SELECT max(s.ends_at) AS ends_at FROM ledger.covered_spans AS s
    WHERE s.stream = told.protocol AND s.first_slot <= coalesce(slot.behind, s.first_slot)
        AND s.behind_slot > coalesce(slot.before, s.first_slot)
) AS span
JOIN ledger.parameters AS age ON age.protocol = 'all' AND age.name = 'price_max_age_s'
CROSS JOIN LATERAL (
    SELECT generate_series(
        told.hour,
        least(
            next.hour,
            greatest(span.ends_at, told.hour + (age.value + 3600) * interval '1 second'),
            head.ends_at - interval '1 second'
        ),
        interval '1 hour'
    ) AS hour
    UNION ALL
    SELECT t.hour FROM ledger.hourly_tvl AS t
    WHERE t.protocol = told.protocol AND t.component = told.component AND t.component_key = told.component_key
        AND t.holding = told.holding AND t.hour > told.hour AND t.hour <= coalesce(next.hour, 'infinity')
) AS reached
ON CONFLICT DO NOTHING
