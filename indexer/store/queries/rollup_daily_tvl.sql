-- Days of holdings ($1 protocol .. $5 day), from their hours.
bucket AS (
    SELECT DISTINCT protocol, component, component_key, holding, day
    FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[], $5::date[])
        AS mark (protocol, component, component_key, holding, day)
),
made AS (
    SELECT b.protocol, b.component, b.component_key, b.holding, b.day,
        sum(h.amount_s) AS amount_s,
        sum(h.known_s) AS known_s,
        sum(h.amount_seconds) AS amount_seconds,
        sum(h.value_seconds) AS value_seconds,
        CASE WHEN min(h.origin) = max(h.origin) THEN min(h.origin) ELSE 'mixed' END AS origin
    FROM bucket AS b
    JOIN ledger.hourly_tvl AS h
        ON h.protocol = b.protocol AND h.component = b.component AND h.component_key = b.component_key
        AND h.holding = b.holding
        AND h.hour >= b.day::timestamp AT TIME ZONE 'UTC' AND h.hour < (b.day + 1)::timestamp AT TIME ZONE 'UTC'
    GROUP BY 1, 2, 3, 4, 5
)
