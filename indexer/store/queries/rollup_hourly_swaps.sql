-- Of swaps, by marked hour ($1), protocol ($2) and market ($3, empty: of no market).
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
        t.venue,
        coalesce(t.purpose, '') AS purpose,
        coalesce(t.hop = 0, false) AS is_first_hop,
        count(*) AS swaps,
        count(*) FILTER (WHERE t.suspect) AS suspect,
        count(*) FILTER (WHERE NOT t.suspect AND t.value_usd_e6 IS NULL) AS unvalued,
        count(*) FILTER (WHERE NOT t.suspect AND t.fee_usd_e6 IS NULL) AS without_fee,
        sum(t.value_usd_e6) FILTER (WHERE NOT t.suspect) AS volume_e6,
        sum(greatest(t.fee_usd_e6, 0)) FILTER (WHERE NOT t.suspect AND t.fee_usd_e6 IS NOT NULL) AS fees_e6,
        sum(t.lp_share_e6) FILTER (WHERE NOT t.suspect) AS lp_fees_e6,
        sum(t.protocol_share_e6) FILTER (WHERE NOT t.suspect) AS protocol_fees_e6,
        sum(t.price_impact_usd_e6) FILTER (WHERE NOT t.suspect) AS price_impact_e6
    FROM marked AS m
    CROSS JOIN LATERAL (
        SELECT * FROM ledger.judged_swaps AS t
        WHERE t.protocol = m.protocol AND coalesce(t.market_key, '') = ANY (m.market_keys)
            AND t.block_time >= m.hour AND t.block_time < m.hour + interval '1 hour'
        OFFSET 0
    ) AS t
    GROUP BY 1, 2, 3, 4, 5, 6
)
