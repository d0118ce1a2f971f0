-- When did liquidations follow upon each other?
-- Look at: runs of three or more liquidations of a market, each within a minute of the one before; how far the price went.
-- Pitfalls: one position may be liquidated in several fills, so `traders` says more than `liquidations`. Rows that are not
-- settled yet may still go.
WITH fill AS (
    SELECT protocol, market, trader, block_time, slot, tx_index, index, size_usd, price_usd,
        block_time - lag(block_time) OVER run <= interval '1 minute' AS follows
    FROM perps.trades
    WHERE is_liquidation AND market_kind = 'perp' AND block_time IS NOT NULL
    WINDOW run AS (PARTITION BY protocol, market ORDER BY block_time, slot, tx_index, index)
),
numbered AS (
    SELECT *, count(*) FILTER (WHERE follows IS NOT TRUE) OVER (
        PARTITION BY protocol, market ORDER BY block_time, slot, tx_index, index
    ) AS cascade
    FROM fill
)
SELECT
    min(block_time) AS began_at,
    max(block_time) - min(block_time) AS lasted,
    protocol,
    market,
    count(*) AS liquidations,
    count(DISTINCT trader) AS traders,
    sum(size_usd) AS volume_usd,
    (array_agg(price_usd ORDER BY block_time, slot, tx_index, index))[1] AS first_price_usd,
    (array_agg(price_usd ORDER BY block_time DESC, slot DESC, tx_index DESC, index DESC))[1] AS last_price_usd
FROM numbered
GROUP BY protocol, market, cascade
HAVING count(*) >= 3
ORDER BY volume_usd DESC NULLS LAST, began_at
LIMIT 20;
