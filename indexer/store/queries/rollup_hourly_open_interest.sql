-- Of open interest, by marked hour ($1), protocol ($2) and market ($3): the newest value and the newest size.
bucket AS (
    SELECT DISTINCT hour, protocol, market_key
    FROM unnest($1::timestamptz[], $2::text[], $3::text[]) AS mark (hour, protocol, market_key)
    WHERE market_key <> ''
),
made AS (
    SELECT
        m.hour, t.protocol, t.market_key, t.side,
        count(*) AS observations,
        (array_agg(t.value_usd_e6 ORDER BY {newest}) FILTER (WHERE t.value_usd_e6 IS NOT NULL))[1] AS value_e6,
        (array_agg(t.slot ORDER BY {newest}) FILTER (WHERE t.value_usd_e6 IS NOT NULL))[1] AS value_slot,
        (array_agg(t.block_time ORDER BY {newest}) FILTER (WHERE t.value_usd_e6 IS NOT NULL))[1] AS value_at,
        (array_agg(t.size_base ORDER BY {newest}) FILTER (WHERE t.size_base IS NOT NULL))[1] AS size_base,
        (array_agg(t.block_time ORDER BY {newest}) FILTER (WHERE t.size_base IS NOT NULL))[1] AS size_at
    FROM bucket AS m
    CROSS JOIN LATERAL (
        SELECT * FROM ledger.open_interests AS t
        WHERE t.protocol = m.protocol AND t.market_key = m.market_key
            AND t.block_time >= m.hour AND t.block_time < m.hour + interval '1 hour'
        OFFSET 0
    ) AS t
    GROUP BY 1, 2, 3, 4
)
