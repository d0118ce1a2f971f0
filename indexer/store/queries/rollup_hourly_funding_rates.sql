-- Of rates, by marked hour ($1), protocol ($2) and market ($3).
bucket AS (
    SELECT DISTINCT hour, protocol, market_key
    FROM unnest($1::timestamptz[], $2::text[], $3::text[]) AS mark (hour, protocol, market_key)
    WHERE market_key <> ''
),
made AS (
    SELECT
        m.hour, t.protocol, t.market_key, t.rate_kind,
        count(t.rate) AS rates,
        sum(t.rate) AS rate_sum,
        sum(t.rate_long) AS rate_long_sum,
        sum(t.rate_short) AS rate_short_sum,
        (array_agg(t.oracle_price_usd ORDER BY {newest}) FILTER (WHERE t.oracle_price_usd IS NOT NULL))[1]
            AS oracle_price_usd,
        count(t.rate_long) AS rates_long,
        count(t.rate_short) AS rates_short
    FROM bucket AS m
    CROSS JOIN LATERAL (
        SELECT * FROM ledger.funding_rates AS t
        WHERE t.protocol = m.protocol AND t.market_key = m.market_key
            AND t.block_time >= m.hour AND t.block_time < m.hour + interval '1 hour'
        OFFSET 0
    ) AS t
    GROUP BY 1, 2, 3, 4
)
