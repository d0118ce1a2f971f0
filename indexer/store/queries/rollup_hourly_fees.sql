-- Of single fees, by marked hour ($1), protocol ($2) and market ($3, empty: of no market).
bucket AS (
    SELECT DISTINCT hour, protocol, market_key
    FROM unnest($1::timestamptz[], $2::text[], $3::text[]) AS mark (hour, protocol, market_key)
),
marked AS (
    SELECT hour, protocol, array_agg(market_key) AS market_keys FROM bucket GROUP BY hour, protocol
),
made AS (
    SELECT
        m.hour, t.protocol,
        coalesce(t.market_key, '') AS market_key,
        t.fee_kind,
        count(*) AS charges,
        count(*) FILTER (WHERE t.value_usd_e6 IS NULL) AS unvalued,
        sum(greatest(t.value_usd_e6, 0)) FILTER (WHERE t.value_usd_e6 IS NOT NULL) AS fees_e6
    FROM marked AS m
    CROSS JOIN LATERAL (
        SELECT * FROM ledger.fees AS t
        WHERE t.protocol = m.protocol AND coalesce(t.market_key, '') = ANY (m.market_keys)
            AND t.block_time >= m.hour AND t.block_time < m.hour + interval '1 hour'
        OFFSET 0
    ) AS t
    GROUP BY 1, 2, 3, 4
)
