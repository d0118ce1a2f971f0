-- Of fills, by marked hour ($1), protocol ($2) and market ($3). An hour is read once for all its marked markets.
bucket AS (
    SELECT DISTINCT hour, protocol, market_key
    FROM unnest($1::timestamptz[], $2::text[], $3::text[]) AS mark (hour, protocol, market_key)
),
marked AS (
    SELECT hour, protocol, array_agg(market_key) AS market_keys FROM bucket GROUP BY hour, protocol
),
made AS (
    SELECT
        m.hour, t.protocol, t.market_key, t.market_kind,
        coalesce(t.liquidity_source, '') AS liquidity_source,
        coalesce(t.execution, '') AS execution,
        coalesce(t.is_liquidation, false) AS is_liquidation,
        coalesce(t.excluded, '') AS excluded,
        count(*) AS trades,
        count(*) FILTER (WHERE t.size_usd_e6 IS NULL) AS unsized,
        count(*) FILTER (WHERE t.fee_usd_e6 IS NULL) AS without_fee,
        count(*) FILTER (WHERE t.is_adl) AS deleveraged,
        sum(t.size_usd_e6) AS volume_e6,
        sum(t.size_usd_e6) FILTER (WHERE t.direction = 'buy') AS buy_volume_e6,
        sum(t.size_usd_e6) FILTER (WHERE t.direction = 'sell') AS sell_volume_e6,
        sum(t.size_usd_e6) FILTER (WHERE t.action IN ('open', 'increase')) AS opened_volume_e6,
        sum(t.size_usd_e6) FILTER (WHERE t.action IN ('decrease', 'close')) AS closed_volume_e6,
        sum(t.size_base) AS size_base,
        sum(t.paid_e6) AS fees_e6,
        sum(t.received_e6) AS rebates_e6,
        sum(t.rewards_e6) AS rewards_e6,
        sum(t.fee_usd_e6) FILTER (WHERE t.taker_order_id IS NOT NULL) AS taker_fees_e6,
        sum(t.base_fee_usd_e6) AS base_fees_e6,
        sum(t.price_impact_fee_usd_e6) AS price_impact_fees_e6,
        sum(t.borrow_fee_usd_e6) AS borrow_fees_e6,
        sum(t.liquidation_fee_usd_e6) AS liquidation_fees_e6,
        sum(t.venue_fee_usd_e6) AS venue_fees_e6,
        sum(t.lp_share_e6) AS lp_fees_e6,
        sum(t.protocol_share_e6) AS protocol_fees_e6,
        sum(t.funding_usd_e6) AS funding_e6,
        sum(t.price_impact_usd_e6) AS price_impact_e6,
        sum(t.pnl_usd_e6) AS pnl_e6
    FROM marked AS m
    CROSS JOIN LATERAL (
        SELECT * FROM ledger.split_trades AS t
        WHERE t.protocol = m.protocol AND t.market_key = ANY (m.market_keys)
            AND t.block_time >= m.hour AND t.block_time < m.hour + interval '1 hour'
        OFFSET 0
    ) AS t
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
)
