-- Of liquidations, by marked hour ($1), protocol ($2) and market ($3, empty: of no market). The insurance fee of a
-- takeover is part of what its fill charged: it is separate only where no such fill stands in the same transaction.
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
        t.liquidation_kind,
        count(*) AS liquidations,
        count(*) FILTER (WHERE t.value_usd_e6 IS NULL) AS unvalued,
        count(*) FILTER (WHERE t.insurance_fee_usd_e6 IS NULL AND t.insurance_fee_amount IS NOT NULL) AS unpriced_fees,
        count(*) FILTER (
            WHERE t.socialised_loss_usd_e6 IS NULL AND t.socialised_loss_amount IS NOT NULL
        ) AS unpriced_losses,
        sum(t.value_usd_e6) AS value_e6,
        sum(t.insurance_fee_usd_e6) AS insurance_fees_e6,
        sum(t.insurance_fee_usd_e6) FILTER (WHERE takeover.is_there IS NULL) AS separate_fees_e6,
        sum(t.socialised_loss_usd_e6) AS socialised_loss_e6
    FROM marked AS m
    CROSS JOIN LATERAL (
        SELECT * FROM ledger.liquidations AS t
        WHERE t.protocol = m.protocol AND coalesce(t.market_key, '') = ANY (m.market_keys)
            AND t.block_time >= m.hour AND t.block_time < m.hour + interval '1 hour'
        OFFSET 0
    ) AS t
    LEFT JOIN LATERAL (
        SELECT true AS is_there FROM ledger.trades AS f
        WHERE f.slot = t.slot AND f.signature = t.signature AND f.protocol = t.protocol
            AND f.market_key = t.market_key AND f.block_time = t.block_time AND f.sequence = t.sequence
            AND f.liquidity_source = 'takeover'
        LIMIT 1
    ) AS takeover ON true
    GROUP BY 1, 2, 3, 4
)
