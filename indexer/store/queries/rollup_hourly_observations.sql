-- Of holdings ($2 .. $5), by hour ($1): how often each was told.
bucket AS (
    SELECT DISTINCT hour, protocol, component, component_key, holding
    FROM unnest($1::timestamptz[], $2::text[], $3::text[], $4::text[], $5::bytea[])
        AS mark (hour, protocol, component, component_key, holding)
),
made AS (
    SELECT m.protocol, m.component, m.component_key, m.holding, m.hour, count(*) AS observations
    FROM bucket AS m
    CROSS JOIN LATERAL (
        SELECT FROM ledger.tvl_observations AS t
        WHERE t.protocol = m.protocol AND t.component = m.component AND t.component_key = m.component_key
            AND coalesce(t.mint, int2send(t.part)) = m.holding
            AND t.block_time >= m.hour AND t.block_time < m.hour + interval '1 hour'
        OFFSET 0
    ) AS t
    GROUP BY 1, 2, 3, 4, 5
)
