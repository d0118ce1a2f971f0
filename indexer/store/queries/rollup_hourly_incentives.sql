-- Of incentives, by marked hour ($1) and protocol ($2).
bucket AS (
    SELECT DISTINCT hour, protocol FROM unnest($1::timestamptz[], $2::text[]) AS mark (hour, protocol)
),
made AS (
    SELECT
        m.hour, t.protocol, t.incentive_kind,
        count(*) AS grants,
        sum(t.amount) AS amount,
        (array_agg(t.supply_after ORDER BY {newest}) FILTER (WHERE t.supply_after IS NOT NULL))[1] AS supply_after
    FROM bucket AS m
    CROSS JOIN LATERAL (
        SELECT * FROM ledger.incentives AS t
        WHERE t.protocol = m.protocol AND t.block_time >= m.hour AND t.block_time < m.hour + interval '1 hour'
        OFFSET 0
    ) AS t
    GROUP BY 1, 2, 3
)
