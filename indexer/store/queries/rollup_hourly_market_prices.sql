-- Of prices of what is traded, by marked hour ($1), protocol ($2) and market ($3).
bucket AS (
    SELECT DISTINCT hour, protocol, market_key
    FROM unnest($1::timestamptz[], $2::text[], $3::text[]) AS mark (hour, protocol, market_key)
    WHERE market_key <> ''
),
made AS (
    SELECT
        m.hour, t.protocol, t.market_key,
        count(*) AS observations,
        (array_agg(t.price_usd ORDER BY {oldest}))[1] AS open,
        max(t.price_usd) AS high,
        min(t.price_usd) AS low,
        (array_agg(t.price_usd ORDER BY {newest}))[1] AS close,
        max(t.block_time) AS close_at
    FROM bucket AS m
    CROSS JOIN LATERAL (
        SELECT * FROM ledger.price_observations AS t
        WHERE t.protocol = m.protocol AND t.market_key = m.market_key
            AND t.block_time >= m.hour AND t.block_time < m.hour + interval '1 hour'
        OFFSET 0
    ) AS t
    GROUP BY 1, 2, 3
)
