-- Fees: what users paid. A takeover's insurance fee is part of its fill's fee and counts once; a trigger's fee is wholly a
-- reward, so it is in no net fee. What Jupiter charges is split by the protocol's share.

CREATE VIEW perps.fees_hourly AS
SELECT
    f.hour,
    f.protocol,
    coalesce(m.symbol, nullif(f.market_key, '')) AS market,
    nullif(f.market_key, '') AS market_key,
    f.fee_source,
    ledger.dollars(sum(f.fees_e6)) AS fees_usd,
    ledger.dollars(sum(f.fees_e6) + coalesce(sum(f.rebates_e6), 0) - coalesce(sum(f.rewards_e6), 0)) AS net_fees_usd,
    ledger.dollars(sum(f.lp_e6)) AS lp_fees_usd,
    ledger.dollars(sum(f.protocol_e6)) AS protocol_fees_usd,
    sum(f.unknown)::bigint AS unknown_fees,
    (
        SELECT ledger.ratio(coalesce(sum(extract(epoch FROM
            least(s.ends_at, f.hour + interval '1 hour') - greatest(s.starts_at, f.hour)
        )), 0), 3600, 6)
        FROM ledger.covered_spans AS s
        WHERE s.stream = f.protocol AND s.starts_at < s.ends_at
            AND s.starts_at < f.hour + interval '1 hour' AND s.ends_at > f.hour
    ) AS covered_fraction
FROM (
    SELECT hour, protocol, market_key, 'trade' AS fee_source, fees_e6, rebates_e6, rewards_e6, lp_fees_e6 AS lp_e6,
        protocol_fees_e6 AS protocol_e6, without_fee AS unknown
    FROM ledger.hourly_trades
    UNION ALL
    SELECT hour, protocol, market_key, 'swap', fees_e6, NULL, NULL, lp_fees_e6, protocol_fees_e6, without_fee
    FROM ledger.hourly_swaps
    WHERE swaps > suspect
    UNION ALL  -- A flow that tells no fee has none.
    SELECT hour, protocol, '', 'mint_burn', fees_e6, rebates_e6, NULL, lp_fees_e6, protocol_fees_e6, 0
    FROM ledger.hourly_lp_flows
    WHERE fees_e6 IS NOT NULL
    UNION ALL
    SELECT hour, protocol, market_key, fee_kind, fees_e6, NULL, CASE WHEN fee_kind = 'trigger' THEN fees_e6 END, NULL, NULL,
        unvalued
    FROM ledger.hourly_fees
    UNION ALL
    SELECT hour, protocol, market_key, 'liquidation', separate_fees_e6, NULL, NULL, NULL, NULL, unpriced_fees
    FROM ledger.hourly_liquidations
    WHERE separate_fees_e6 IS NOT NULL OR unpriced_fees > 0
) AS f
LEFT JOIN ledger.markets AS m USING (protocol, market_key)
GROUP BY f.hour, f.protocol, f.market_key, m.symbol, f.fee_source;

COMMENT ON VIEW perps.fees_hourly IS 'Fees by hour, market and what they were for, as last rolled up.';
COMMENT ON COLUMN perps.fees_hourly.hour IS 'Start of the hour, UTC.';
COMMENT ON COLUMN perps.fees_hourly.protocol IS 'drift, jupiter_perps or gmx_solana.';
COMMENT ON COLUMN perps.fees_hourly.market IS 'Symbol of the market; its key where the market is unknown; NULL: of no market.';
COMMENT ON COLUMN perps.fees_hourly.market_key IS 'The protocol''s own key of the market; NULL: of no market.';
COMMENT ON COLUMN perps.fees_hourly.fee_source IS 'trade (with borrowing, liquidation and charged price impact), swap, mint_burn (LP tokens), trigger, liquidation (insurance fees beside the fill).';
COMMENT ON COLUMN perps.fees_hourly.fees_usd IS 'What users paid; rebates not taken off. NULL where nothing tells it.';
COMMENT ON COLUMN perps.fees_hourly.net_fees_usd IS 'Less rebates and rewards to fillers, referrers and builders.';
COMMENT ON COLUMN perps.fees_hourly.lp_fees_usd IS 'The liquidity providers'' share, where events tell it.';
COMMENT ON COLUMN perps.fees_hourly.protocol_fees_usd IS 'The protocol''s share, where events tell it.';
COMMENT ON COLUMN perps.fees_hourly.unknown_fees IS 'Rows that tell no fee in dollars: they are in no sum.';
COMMENT ON COLUMN perps.fees_hourly.covered_fraction IS 'Part of the hour''s seconds in which every slot is settled; below 1 the numbers are of what was seen.';

CREATE MATERIALIZED VIEW perps.fees_daily AS
WITH trade AS (
    SELECT (hour AT TIME ZONE 'UTC')::date AS day, protocol,
        sum(trades) AS rows,
        sum(without_fee) AS without_fee,
        sum(fees_e6) AS fees_e6,
        coalesce(sum(rebates_e6), 0) AS rebates_e6,
        coalesce(sum(rewards_e6), 0) AS rewards_e6,
        sum(base_fees_e6) AS base_e6,
        sum(price_impact_fees_e6) AS price_impact_e6,
        sum(borrow_fees_e6) AS borrow_e6,
        sum(trades) FILTER (WHERE is_liquidation) AS liquidations,
        sum(liquidation_fees_e6) AS liquidation_e6,
        sum(venue_fees_e6) AS venue_e6,
        sum(lp_fees_e6) AS lp_e6,
        sum(protocol_fees_e6) AS protocol_e6,
        sum(fees_e6) FILTER (WHERE market_kind = 'perp') AS perp_fees_e6,
        sum(volume_e6) FILTER (WHERE market_kind = 'perp' AND excluded = '') AS perp_volume_e6
    FROM ledger.hourly_trades
    GROUP BY 1, 2
),
swap AS (
    SELECT (hour AT TIME ZONE 'UTC')::date AS day, protocol,
        sum(swaps - suspect) AS rows,
        sum(without_fee) AS without_fee,
        sum(fees_e6) AS fees_e6,
        sum(lp_fees_e6) AS lp_e6,
        sum(protocol_fees_e6) AS protocol_e6
    FROM ledger.hourly_swaps
    GROUP BY 1, 2
),
flow AS (
    SELECT (hour AT TIME ZONE 'UTC')::date AS day, protocol,
        sum(flows - without_fee) AS rows,
        sum(fees_e6) AS fees_e6,
        coalesce(sum(rebates_e6), 0) AS rebates_e6,
        sum(lp_fees_e6) AS lp_e6,
        sum(protocol_fees_e6) AS protocol_e6
    FROM ledger.hourly_lp_flows
    GROUP BY 1, 2
),
single AS (
    SELECT (hour AT TIME ZONE 'UTC')::date AS day, protocol,
        sum(charges) AS rows,
        sum(unvalued) AS unvalued,
        sum(fees_e6) AS fees_e6,
        coalesce(sum(fees_e6) FILTER (WHERE fee_kind = 'trigger'), 0) AS trigger_e6
    FROM ledger.hourly_fees
    GROUP BY 1, 2
),
liquidation AS (
    SELECT (hour AT TIME ZONE 'UTC')::date AS day, protocol,
        coalesce(sum(separate_fees_e6), 0) AS fees_e6,
        sum(unpriced_fees) AS unpriced
    FROM ledger.hourly_liquidations
    GROUP BY 1, 2
),
day AS (
    SELECT c.day, c.protocol, c.coverage, c.covered_fraction,
        ledger.total(t.rows, t.fees_e6) AS trade_e6,
        ledger.total(s.rows, s.fees_e6) AS swap_e6,
        ledger.total(w.rows, w.fees_e6) AS flow_e6,
        ledger.total(f.rows, f.fees_e6) AS single_e6,
        coalesce(l.fees_e6, 0) AS insurance_e6,
        coalesce(t.rebates_e6, 0) + coalesce(w.rebates_e6, 0) AS rebates_e6,
        coalesce(t.rewards_e6, 0) + coalesce(f.trigger_e6, 0) AS rewards_e6,
        ledger.total(t.rows, t.base_e6) AS base_e6,
        ledger.total(t.rows, t.price_impact_e6) AS price_impact_e6,
        ledger.total(t.rows, t.borrow_e6) AS borrow_e6,
        ledger.total(t.liquidations, t.liquidation_e6) AS liquidation_e6,
        ledger.total(t.rows, t.venue_e6) AS venue_e6,
        coalesce(t.rows, 0) + coalesce(s.rows, 0) + coalesce(w.rows, 0) AS split_rows,
        CASE WHEN num_nonnulls(t.lp_e6, s.lp_e6, w.lp_e6) > 0
            THEN coalesce(t.lp_e6, 0) + coalesce(s.lp_e6, 0) + coalesce(w.lp_e6, 0) END AS lp_e6,
        CASE WHEN num_nonnulls(t.protocol_e6, s.protocol_e6, w.protocol_e6) > 0
            THEN coalesce(t.protocol_e6, 0) + coalesce(s.protocol_e6, 0) + coalesce(w.protocol_e6, 0) END AS protocol_e6,
        t.perp_fees_e6, t.perp_volume_e6,
        coalesce(t.without_fee, 0)::bigint AS trades_without_fee,
        (coalesce(s.without_fee, 0) + coalesce(f.unvalued, 0) + coalesce(l.unpriced, 0))::bigint AS other_without_fee
    FROM perps.coverage_daily AS c
    LEFT JOIN trade AS t USING (day, protocol)
    LEFT JOIN swap AS s USING (day, protocol)
    LEFT JOIN flow AS w USING (day, protocol)
    LEFT JOIN single AS f USING (day, protocol)
    LEFT JOIN liquidation AS l USING (day, protocol)
),
known AS (  -- Of a day that nobody saw, nothing is known.
    SELECT *, trade_e6 + swap_e6 + flow_e6 + single_e6 + insurance_e6 AS fees_e6 FROM day WHERE coverage <> 'none'
)
SELECT
    d.day,
    d.protocol,
    d.coverage,
    d.covered_fraction,
    ledger.dollars(k.fees_e6) AS fees_usd,
    ledger.dollars(k.fees_e6 + k.rebates_e6 - k.rewards_e6) AS net_fees_usd,
    ledger.dollars(CASE WHEN k.split_rows = 0 THEN 0 ELSE k.lp_e6 END) AS lp_fees_usd,
    ledger.dollars(CASE WHEN k.split_rows = 0 THEN 0 ELSE k.protocol_e6 END) AS protocol_fees_usd,
    ledger.dollars(k.fees_e6 - coalesce(k.lp_e6, 0) - coalesce(k.protocol_e6, 0)) AS unsplit_fees_usd,
    ledger.dollars(k.trade_e6) AS trading_fees_usd,
    ledger.dollars(k.base_e6) AS base_fees_usd,
    ledger.dollars(k.price_impact_e6) AS price_impact_fees_usd,
    ledger.dollars(k.borrow_e6) AS borrow_fees_usd,
    ledger.dollars(k.liquidation_e6) AS liquidation_fees_usd,
    ledger.dollars(k.venue_e6) AS venue_fees_usd,
    ledger.dollars(k.swap_e6) AS swap_fees_usd,
    ledger.dollars(k.flow_e6) AS mint_burn_fees_usd,
    ledger.dollars(k.single_e6) AS trigger_fees_usd,
    ledger.dollars(k.insurance_e6) AS insurance_fees_usd,
    ledger.dollars(k.rebates_e6) AS rebates_usd,
    ledger.dollars(k.rewards_e6) AS rewards_usd,
    ledger.ratio(10000 * k.perp_fees_e6, k.perp_volume_e6, 6) AS effective_fee_bps,
    k.trades_without_fee,
    k.other_without_fee AS other_rows_without_fee
FROM day AS d
LEFT JOIN known AS k USING (day, protocol);

CREATE UNIQUE INDEX fees_daily_key ON perps.fees_daily (day, protocol);

COMMENT ON MATERIALIZED VIEW perps.fees_daily IS 'Fees by UTC day and protocol: what users paid, and who got it. NULL: nothing is known; 0: the day was seen, and there was none.';
COMMENT ON COLUMN perps.fees_daily.day IS 'UTC day of block time.';
COMMENT ON COLUMN perps.fees_daily.protocol IS 'drift, jupiter_perps or gmx_solana.';
COMMENT ON COLUMN perps.fees_daily.coverage IS 'full, partial (the numbers are of what was seen) or none.';
COMMENT ON COLUMN perps.fees_daily.covered_fraction IS 'Part of the day''s seconds in which every slot is settled.';
COMMENT ON COLUMN perps.fees_daily.fees_usd IS 'What users paid: positive fees of takers and makers, triggers, borrowing, liquidation, charged price impact, swaps, mint and burn of LP tokens. Of perp and spot fills.';
COMMENT ON COLUMN perps.fees_daily.net_fees_usd IS 'fees_usd less rebates and rewards to fillers, referrers and builders. What a trigger costs is such a reward.';
COMMENT ON COLUMN perps.fees_daily.lp_fees_usd IS 'Of fees_usd: the liquidity providers'' share, where events tell it; Jupiter''s by the protocol''s share.';
COMMENT ON COLUMN perps.fees_daily.protocol_fees_usd IS 'Of fees_usd: the protocol''s share, where events tell it; Jupiter''s by the protocol''s share.';
COMMENT ON COLUMN perps.fees_daily.unsplit_fees_usd IS 'Of fees_usd: what went to others, or of which no event tells who got it.';
COMMENT ON COLUMN perps.fees_daily.trading_fees_usd IS 'Of fees_usd: of fills, perp and spot, takers and makers.';
COMMENT ON COLUMN perps.fees_daily.base_fees_usd IS 'Of trading_fees_usd: for opening and closing; NULL where fills do not tell.';
COMMENT ON COLUMN perps.fees_daily.price_impact_fees_usd IS 'Of trading_fees_usd: charged price impact; NULL where fills do not tell.';
COMMENT ON COLUMN perps.fees_daily.borrow_fees_usd IS 'Of trading_fees_usd: for borrowing; NULL where fills do not tell.';
COMMENT ON COLUMN perps.fees_daily.liquidation_fees_usd IS 'Of trading_fees_usd: for being liquidated; NULL where fills do not tell.';
COMMENT ON COLUMN perps.fees_daily.venue_fees_usd IS 'Of trading_fees_usd: of external venues; NULL where fills do not tell.';
COMMENT ON COLUMN perps.fees_daily.swap_fees_usd IS 'Of fees_usd: of swaps, every hop, without suspect ones.';
COMMENT ON COLUMN perps.fees_daily.mint_burn_fees_usd IS 'Of fees_usd: of deposits and withdrawals of liquidity.';
COMMENT ON COLUMN perps.fees_daily.trigger_fees_usd IS 'Of fees_usd: for triggering orders.';
COMMENT ON COLUMN perps.fees_daily.insurance_fees_usd IS 'Of fees_usd: insurance fees of liquidations, where no fill''s fee contains them.';
COMMENT ON COLUMN perps.fees_daily.rebates_usd IS 'Negative fees: what makers, takers and providers received. Not above 0, and not in fees_usd.';
COMMENT ON COLUMN perps.fees_daily.rewards_usd IS 'Out of fees_usd, to fillers, referrers and builders.';
COMMENT ON COLUMN perps.fees_daily.effective_fee_bps IS 'Fees of perp fills over net perp volume, basis points; with borrowing and liquidation.';
COMMENT ON COLUMN perps.fees_daily.trades_without_fee IS 'Fills of which no fee of the trader is told: they are in no sum.';
COMMENT ON COLUMN perps.fees_daily.other_rows_without_fee IS 'Swaps, single fees and insurance fees without dollars: they are in no sum.';
