-- Of movements of liquidity, by marked hour ($1) and protocol ($2).
bucket AS (
    SELECT DISTINCT hour, protocol FROM unnest($1::timestamptz[], $2::text[]) AS mark (hour, protocol)
),
made AS (
    SELECT
        m.hour, t.protocol, t.venue, t.venue_key,
        coalesce(t.mint, '') AS mint,
        t.flow, t.internal,
        count(*) AS flows,
        count(*) FILTER (WHERE t.valued_e6 IS NULL) AS unvalued,
        count(*) FILTER (WHERE t.fee_usd_e6 IS NULL) AS without_fee,
        sum(t.amount) AS amount,
        sum(t.valued_e6) AS value_e6,
        sum(t.valued_e6) FILTER (WHERE t.via IS NOT NULL) AS vault_value_e6,
        sum(t.lp_amount) AS lp_amount,
        sum(greatest(t.fee_usd_e6, 0)) FILTER (WHERE t.fee_usd_e6 IS NOT NULL) AS fees_e6,
        sum(least(t.fee_usd_e6, 0)) FILTER (WHERE t.fee_usd_e6 IS NOT NULL) AS rebates_e6,
        sum(t.lp_share_e6) AS lp_fees_e6,
        sum(t.protocol_share_e6) AS protocol_fees_e6,
        (array_agg(t.lp_mint ORDER BY {newest}) FILTER (WHERE t.lp_mint IS NOT NULL))[1] AS lp_mint,
        (array_agg(t.lp_price_usd ORDER BY {newest}) FILTER (WHERE t.lp_price_usd IS NOT NULL))[1] AS lp_price_usd
    FROM bucket AS m
    CROSS JOIN LATERAL (
        SELECT * FROM ledger.valued_flows AS t
        WHERE t.protocol = m.protocol AND t.block_time >= m.hour AND t.block_time < m.hour + interval '1 hour'
        OFFSET 0
    ) AS t
    GROUP BY 1, 2, 3, 4, 5, 6, 7
)
