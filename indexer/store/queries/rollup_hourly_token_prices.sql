-- Of prices of tokens, by hour ($1) and mint ($2).
bucket AS (
    SELECT DISTINCT hour, mint FROM unnest($1::timestamptz[], $2::bytea[]) AS mark (hour, mint)
),
made AS (
    SELECT
        m.hour, t.mint,
        count(*) AS observations,
        array_agg(DISTINCT t.protocol ORDER BY t.protocol) AS protocols,
        (array_agg(t.price_usd ORDER BY {oldest}))[1] AS open,
        max(t.price_usd) AS high,
        min(t.price_usd) AS low,
        (array_agg(t.price_usd ORDER BY {newest}))[1] AS close,
        max(t.block_time) AS close_at
    FROM bucket AS m
    CROSS JOIN LATERAL (
        SELECT * FROM ledger.price_observations AS t
        WHERE t.mint = m.mint AND t.block_time >= m.hour AND t.block_time < m.hour + interval '1 hour'
        OFFSET 0
    ) AS t
    GROUP BY 1, 2
)
