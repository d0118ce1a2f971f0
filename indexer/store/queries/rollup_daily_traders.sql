-- Traders by marked day ($1) and protocol ($2). Who makes a market is named in other people's fills; `trades` and volumes
-- leave excluded fills out, what was paid and realised does not.
bucket AS (
    SELECT DISTINCT day, protocol FROM unnest($1::date[], $2::text[]) AS mark (day, protocol)
),
fill AS (
    SELECT b.day, t.protocol, t.market_key, t.market_kind, t.trader, t.counterparty, t.direction, t.action,
        t.size_usd_e6, t.fee_usd_e6, t.maker_fee_usd_e6, t.funding_usd_e6, t.pnl_usd_e6, t.collateral_usd_e6,
        t.is_liquidation, t.position_key, t.excluded IS NULL AS is_net
    FROM bucket AS b
    JOIN ledger.trades AS t
        ON t.protocol = b.protocol
        AND t.block_time >= b.day::timestamp AT TIME ZONE 'UTC'
        AND t.block_time < (b.day + 1)::timestamp AT TIME ZONE 'UTC'
),
parameter AS (
    SELECT
        max(value) FILTER (WHERE name = 'wash_turnover') AS turnover,
        max(value) FILTER (WHERE name = 'wash_imbalance') AS imbalance,
        max(value) FILTER (WHERE name = 'wash_positions') AS positions
    FROM ledger.parameters
    WHERE protocol = 'all'
),
-- A day of a trader in all perp markets of a protocol: what the rule for wash trading looks at.
judged AS (
    SELECT f.day, f.protocol, f.trader,
        coalesce(f.collateral > 0, false) AS is_judged,
        coalesce(
            f.collateral > 0 AND f.volume >= p.turnover * f.collateral
            AND (abs(f.bought - f.sold) <= p.imbalance * f.volume OR f.positions >= p.positions),
            false
        ) AS is_wash
    FROM (
        SELECT day, protocol, trader,
            max(collateral_usd_e6) AS collateral,
            coalesce(sum(size_usd_e6) FILTER (WHERE is_net), 0) AS volume,
            coalesce(sum(size_usd_e6) FILTER (WHERE is_net AND direction = 'buy'), 0) AS bought,
            coalesce(sum(size_usd_e6) FILTER (WHERE is_net AND direction = 'sell'), 0) AS sold,
            count(DISTINCT position_key) FILTER (WHERE is_net) AS positions
        FROM fill
        WHERE market_kind = 'perp' AND trader IS NOT NULL
        GROUP BY day, protocol, trader
    ) AS f
    CROSS JOIN parameter AS p
),
part AS (
    SELECT day, protocol, market_key, market_kind, trader, direction, action, size_usd_e6, fee_usd_e6, funding_usd_e6,
        pnl_usd_e6, collateral_usd_e6, is_liquidation, is_net, false AS is_maker
    FROM fill
    UNION ALL
    SELECT day, protocol, market_key, market_kind, counterparty, NULL, NULL, size_usd_e6, maker_fee_usd_e6, NULL,
        NULL, NULL, NULL, is_net, true
    FROM fill
    WHERE counterparty IS NOT NULL
),
made AS (
    SELECT
        p.day, p.protocol, p.market_key, p.market_kind,
        coalesce(p.trader, '') AS trader,
        count(*) FILTER (WHERE p.is_net AND NOT p.is_maker) AS trades,
        count(*) FILTER (
            WHERE NOT p.is_maker AND p.pnl_usd_e6 IS NULL AND coalesce(p.action NOT IN ('open', 'increase'), true)
        ) AS without_pnl,
        count(*) FILTER (WHERE p.is_liquidation) AS liquidations,
        count(*) FILTER (WHERE p.is_net AND p.is_maker) AS maker_trades,
        sum(p.size_usd_e6) FILTER (WHERE p.is_net AND NOT p.is_maker) AS volume_e6,
        sum(p.size_usd_e6) FILTER (WHERE p.is_net AND p.direction = 'buy') AS buy_volume_e6,
        sum(p.size_usd_e6) FILTER (WHERE p.is_net AND p.direction = 'sell') AS sell_volume_e6,
        sum(p.size_usd_e6) FILTER (WHERE p.is_net AND p.is_maker) AS maker_volume_e6,
        sum(p.fee_usd_e6) FILTER (WHERE NOT p.is_maker) AS fees_e6,
        sum(p.fee_usd_e6) FILTER (WHERE p.is_maker) AS maker_fees_e6,
        sum(p.funding_usd_e6) AS funding_e6,
        sum(p.pnl_usd_e6) AS pnl_e6,
        max(p.collateral_usd_e6) AS collateral_e6,
        coalesce(bool_or(j.is_judged), false) AS is_judged,
        coalesce(bool_or(j.is_wash), false) AS is_wash
    FROM part AS p
    LEFT JOIN judged AS j ON j.day = p.day AND j.protocol = p.protocol AND j.trader = p.trader
    GROUP BY 1, 2, 3, 4, 5
)
