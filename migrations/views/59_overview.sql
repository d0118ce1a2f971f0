-- The comparison at a glance, today so far, and the same numbers as others define them.

CREATE MATERIALIZED VIEW perps.protocol_overview AS
WITH span AS (
    SELECT protocol, min(day) AS first_day, max(day) AS last_day,
        count(*) FILTER (WHERE coverage = 'full') AS full_days,
        max(day) FILTER (WHERE coverage = 'full') AS day
    FROM perps.coverage_daily
    GROUP BY protocol
),
unread AS (
    SELECT protocol, count(*) AS failures FROM ledger.failures GROUP BY protocol
),
untimed AS (
    -- One protocol after the other, so that the indexes on (protocol, block_time) serve: few rows are of this kind.
    SELECT
        protocol,
        (SELECT count(*) FROM ledger.trades AS t WHERE t.protocol = s.protocol AND t.block_time IS NULL)
        + (SELECT count(*) FROM ledger.swaps AS t WHERE t.protocol = s.protocol AND t.block_time IS NULL)
        + (SELECT count(*) FROM ledger.lp_flows AS t WHERE t.protocol = s.protocol AND t.block_time IS NULL)
        + (SELECT count(*) FROM ledger.fees AS t WHERE t.protocol = s.protocol AND t.block_time IS NULL)
        + (SELECT count(*) FROM ledger.liquidations AS t WHERE t.protocol = s.protocol AND t.block_time IS NULL) AS rows
    FROM span AS s
)
SELECT
    s.protocol,
    s.first_day,
    s.last_day,
    s.full_days,
    s.last_day - s.first_day + 1 - s.full_days AS missing_days,
    s.day,
    v.volume_usd,
    v.organic_volume_usd,
    v.cumulative_volume_usd,
    e.mean_volume_usd AS mean_volume_7d_usd,
    share.market_share AS market_share_7d,
    t.tvl_usd,
    t.tvl_ex_vaults_usd,
    t.components_known,
    t.components_total,
    f.fees_usd,
    f.net_fees_usd,
    f.effective_fee_bps,
    e.capital_efficiency,
    e.fee_yield,
    v.trades,
    v.traders,
    v.average_trade_usd,
    v.markets_traded,
    v.liquidations,
    coalesce(unread.failures, 0) AS failures,
    coalesce(untimed.rows, 0) AS rows_without_time
FROM span AS s
LEFT JOIN perps.volume_daily AS v ON v.protocol = s.protocol AND v.day = s.day
LEFT JOIN perps.tvl_daily AS t ON t.protocol = s.protocol AND t.day = s.day
LEFT JOIN perps.fees_daily AS f ON f.protocol = s.protocol AND f.day = s.day
LEFT JOIN perps.efficiency_daily AS e ON e.protocol = s.protocol AND e.day = s.day
LEFT JOIN perps.market_share_7d AS share ON share.protocol = s.protocol AND share.day = s.day
LEFT JOIN unread ON unread.protocol = s.protocol
LEFT JOIN untimed ON untimed.protocol = s.protocol;

CREATE UNIQUE INDEX protocol_overview_key ON perps.protocol_overview (protocol);

COMMENT ON MATERIALIZED VIEW perps.protocol_overview IS 'One row for each protocol: its last full day, the week that ends with it, and how much of it all is known.';
COMMENT ON COLUMN perps.protocol_overview.protocol IS 'drift, jupiter_perps or gmx_solana.';
COMMENT ON COLUMN perps.protocol_overview.first_day IS 'First UTC day of which something is known.';
COMMENT ON COLUMN perps.protocol_overview.last_day IS 'Last one.';
COMMENT ON COLUMN perps.protocol_overview.full_days IS 'Days whose every slot is settled.';
COMMENT ON COLUMN perps.protocol_overview.missing_days IS 'Days between the first and the last that are not full.';
COMMENT ON COLUMN perps.protocol_overview.day IS 'The last full day: the numbers that follow are of it.';
COMMENT ON COLUMN perps.protocol_overview.volume_usd IS 'Net perp volume.';
COMMENT ON COLUMN perps.protocol_overview.organic_volume_usd IS 'Without wallets that our rule calls wash trading.';
COMMENT ON COLUMN perps.protocol_overview.cumulative_volume_usd IS 'Net perp volume up to the day, as far as days were seen: see missing_days.';
COMMENT ON COLUMN perps.protocol_overview.mean_volume_7d_usd IS 'Mean daily net volume of the week, over days full in volume and TVL.';
COMMENT ON COLUMN perps.protocol_overview.market_share_7d IS 'Part of the net volume of all three protocols in the week.';
COMMENT ON COLUMN perps.protocol_overview.tvl_usd IS 'TVL of the day.';
COMMENT ON COLUMN perps.protocol_overview.tvl_ex_vaults_usd IS 'TVL without Drift''s strategy vaults.';
COMMENT ON COLUMN perps.protocol_overview.components_known IS 'Components in the TVL.';
COMMENT ON COLUMN perps.protocol_overview.components_total IS 'Components that the ledger was ever told of.';
COMMENT ON COLUMN perps.protocol_overview.fees_usd IS 'What users paid.';
COMMENT ON COLUMN perps.protocol_overview.net_fees_usd IS 'After rebates and rewards.';
COMMENT ON COLUMN perps.protocol_overview.effective_fee_bps IS 'Fees of perp fills over net perp volume, basis points.';
COMMENT ON COLUMN perps.protocol_overview.capital_efficiency IS 'Mean daily volume / mean daily TVL of the week.';
COMMENT ON COLUMN perps.protocol_overview.fee_yield IS 'Mean daily fees / mean daily TVL of the week, per day.';
COMMENT ON COLUMN perps.protocol_overview.trades IS 'Fills in volume_usd.';
COMMENT ON COLUMN perps.protocol_overview.traders IS 'Different traders.';
COMMENT ON COLUMN perps.protocol_overview.average_trade_usd IS 'volume_usd / trades.';
COMMENT ON COLUMN perps.protocol_overview.markets_traded IS 'Different markets.';
COMMENT ON COLUMN perps.protocol_overview.liquidations IS 'Fills of liquidations.';
COMMENT ON COLUMN perps.protocol_overview.failures IS 'Payloads of all time that could not be read: what they tell is in no number.';
COMMENT ON COLUMN perps.protocol_overview.rows_without_time IS 'Rows of all time without a block time: they are in no hour and no day.';

CREATE VIEW perps.today AS
SELECT
    p.protocol,
    day.since AS day_started_at,
    covered.until AS covered_until,
    ledger.dollars(ledger.total(t.trades, t.volume_e6)) AS volume_usd,
    coalesce(t.trades, 0)::bigint AS trades,
    coalesce(t.liquidations, 0)::bigint AS liquidations,
    ledger.dollars(ledger.total(t.rows, t.fees_e6)) AS trading_fees_usd,
    ledger.dollars(ledger.total(w.deposits, w.deposits_e6) - ledger.total(w.withdrawals, w.withdrawals_e6))
        AS external_net_flow_usd,
    ledger.ratio(tvl.value_usd, 1, 6) AS tvl_usd,
    tvl.components_known,
    tvl.hour AS tvl_hour
FROM ledger.protocols AS p
CROSS JOIN (SELECT date_trunc('day', now(), 'UTC') AS since) AS day
LEFT JOIN LATERAL (
    SELECT max(s.ends_at) AS until FROM ledger.covered_spans AS s WHERE s.stream = p.protocol
) AS covered ON true
LEFT JOIN LATERAL (
    SELECT sum(h.trades) AS rows,
        sum(h.fees_e6) AS fees_e6,
        sum(h.trades) FILTER (WHERE h.market_kind = 'perp' AND h.excluded = '') AS trades,
        sum(h.volume_e6) FILTER (WHERE h.market_kind = 'perp' AND h.excluded = '') AS volume_e6,
        sum(h.trades) FILTER (WHERE h.market_kind = 'perp' AND h.excluded = '' AND h.is_liquidation) AS liquidations
    FROM ledger.hourly_trades AS h
    WHERE h.protocol = p.protocol AND h.hour >= day.since AND h.hour < day.since + interval '24 hours'
) AS t ON true
LEFT JOIN LATERAL (
    SELECT sum(h.flows) FILTER (WHERE h.flow = 'deposit') AS deposits,
        sum(h.flows) FILTER (WHERE h.flow = 'withdraw') AS withdrawals,
        sum(h.value_e6) FILTER (WHERE h.flow = 'deposit') AS deposits_e6,
        sum(h.value_e6) FILTER (WHERE h.flow = 'withdraw') AS withdrawals_e6
    FROM ledger.hourly_lp_flows AS h
    WHERE h.protocol = p.protocol AND h.hour >= day.since AND h.hour < day.since + interval '24 hours' AND NOT h.internal
) AS w ON true
LEFT JOIN LATERAL (  -- The last hour of which something is known, if it is of today.
    SELECT h.hour, sum(h.value_seconds / h.known_s) AS value_usd,
        count(DISTINCT (h.component, h.component_key)) AS components_known
    FROM ledger.hourly_tvl AS h
    JOIN ledger.counted_components AS k USING (protocol, component)
    WHERE h.protocol = p.protocol AND h.known_s > 0
        AND h.hour = date_trunc('hour', covered.until - interval '1 second', 'UTC') AND h.hour >= day.since
    GROUP BY h.hour
) AS tvl ON true;

COMMENT ON VIEW perps.today IS 'The UTC day that runs, so far, as last rolled up; provisional rows included.';
COMMENT ON COLUMN perps.today.protocol IS 'drift, jupiter_perps or gmx_solana.';
COMMENT ON COLUMN perps.today.day_started_at IS 'Midnight UTC.';
COMMENT ON COLUMN perps.today.covered_until IS 'Up to here the newest settled span reaches: what came later is provisional, or not yet there.';
COMMENT ON COLUMN perps.today.volume_usd IS 'Net perp volume since midnight.';
COMMENT ON COLUMN perps.today.trades IS 'Fills in it.';
COMMENT ON COLUMN perps.today.liquidations IS 'Fills of liquidations in it.';
COMMENT ON COLUMN perps.today.trading_fees_usd IS 'What traders and makers paid for fills, perp and spot.';
COMMENT ON COLUMN perps.today.external_net_flow_usd IS 'Deposits less withdrawals of liquidity that change the TVL.';
COMMENT ON COLUMN perps.today.tvl_usd IS 'Sum of the components known in the last covered hour, the mean over its known seconds.';
COMMENT ON COLUMN perps.today.components_known IS 'Components in tvl_usd.';
COMMENT ON COLUMN perps.today.tvl_hour IS 'That hour.';

CREATE VIEW perps.reconciliation AS
WITH fill AS (
    SELECT (hour AT TIME ZONE 'UTC')::date AS day, protocol,
        sum(trades) FILTER (WHERE market_kind = 'spot') AS spot_rows,
        sum(volume_e6) FILTER (WHERE market_kind = 'spot') AS spot_e6,
        sum(trades) FILTER (WHERE execution <> 'instant') AS keeper_rows,
        sum(volume_e6) FILTER (WHERE execution <> 'instant') AS keeper_e6,
        coalesce(sum(taker_fees_e6), 0) AS taker_fees_e6,
        coalesce(sum(fees_e6) FILTER (WHERE NOT is_liquidation), 0) AS fees_e6,
        coalesce(sum(fees_e6) FILTER (WHERE NOT is_liquidation AND execution <> 'instant'), 0) AS keeper_fees_e6,
        coalesce(sum(base_fees_e6) FILTER (WHERE NOT is_liquidation), 0) AS base_e6,
        coalesce(sum(borrow_fees_e6) FILTER (WHERE NOT is_liquidation), 0) AS borrow_e6,
        coalesce(sum(price_impact_fees_e6) FILTER (WHERE NOT is_liquidation), 0) AS impact_e6,
        coalesce(sum(liquidation_fees_e6) FILTER (WHERE is_liquidation), 0) AS liquidation_e6
    FROM ledger.hourly_trades
    GROUP BY 1, 2
),
staked AS (
    SELECT day, protocol, tvl_usd FROM perps.tvl_components_daily
    WHERE protocol = 'drift' AND component = 'insurance_fund' AND component_key = 'spot:15'
),
day AS (
    SELECT v.day, v.protocol, v.coverage, v.volume_usd, v.gross_volume_usd, v.organic_volume_usd, v.spot_volume_usd,
        f.fees_usd, f.trading_fees_usd, f.swap_fees_usd, f.mint_burn_fees_usd, t.tvl_usd,
        staked.tvl_usd AS staked_usd,
        ledger.dollars(ledger.total(fill.spot_rows, fill.spot_e6)) AS all_spot_usd,
        ledger.dollars(ledger.total(fill.keeper_rows, fill.keeper_e6)) AS keeper_volume_usd,
        ledger.dollars(coalesce(fill.taker_fees_e6, 0)) AS taker_fees_usd,
        ledger.dollars(coalesce(CASE
            WHEN v.day < '2026-03-22' THEN fill.keeper_fees_e6 + fill.liquidation_e6
            WHEN v.day < '2026-03-29' THEN fill.base_e6 + 2 * fill.impact_e6 + fill.borrow_e6 + fill.liquidation_e6
            ELSE fill.fees_e6 + fill.borrow_e6 + fill.impact_e6 + fill.liquidation_e6
        END, 0)) AS hybrid_fees_usd
    FROM perps.volume_daily AS v
    JOIN perps.fees_daily AS f USING (day, protocol)
    JOIN perps.tvl_daily AS t USING (day, protocol)
    LEFT JOIN staked USING (day, protocol)
    LEFT JOIN fill USING (day, protocol)
)
SELECT
    d.day,
    d.protocol,
    d.coverage,
    r.metric,
    r.source,
    r.ours_usd,
    CASE WHEN d.coverage <> 'none' THEN trim_scale(r.theirs_usd) END AS theirs_usd,
    CASE WHEN d.coverage <> 'none' THEN trim_scale(r.theirs_usd - r.ours_usd) END AS difference_usd,
    r.definition
FROM day AS d
CROSS JOIN LATERAL (VALUES
    ('drift', 'volume', 'DefiLlama', d.volume_usd, CASE WHEN d.day >= '2023-07-25' THEN d.gross_volume_usd END,
     'Every perp fill, expiry settlement and transfers of positions too; from 2023-07-25.'),
    ('drift', 'spot_volume', 'DefiLlama', d.spot_volume_usd, CASE WHEN d.day >= '2023-07-25' THEN d.all_spot_usd END,
     'Every fill of a spot order book; swaps are not counted; from 2023-07-25.'),
    ('drift', 'fees', 'DefiLlama', d.fees_usd, CASE WHEN d.day >= '2023-07-25' THEN d.taker_fees_usd END,
     'Fees of takers of fills alone: no makers'' fees, no triggers, no insurance fees; from 2023-07-25.'),
    ('drift', 'tvl', 'DefiLlama', d.tvl_usd, d.tvl_usd - coalesce(d.staked_usd, 0),
     'Token balances of spot and insurance vaults (deposits less borrows, and insurance fund), without the DRIFT insurance vault, which is called staking.'),
    ('jupiter_perps', 'volume', 'Dune', d.volume_usd, d.keeper_volume_usd,
     'perp_events: increases, decreases and liquidations by keepers; no instant trades.'),
    ('jupiter_perps', 'fees', 'DefiLlama', d.fees_usd,
     d.hybrid_fees_usd + d.swap_fees_usd + d.mint_burn_fees_usd,
     'Since 2026-03-29 borrowing and price impact are added to a fee that contains both; from 2026-03-22 price impact twice; before, no instant trades. Of liquidations the liquidation fee alone. With swaps, mint and burn.'),
    ('jupiter_perps', 'tvl', 'DefiLlama', d.tvl_usd, NULL::numeric,
     'Balances of the custodies and staked SOL, gross of traders'' profits: told by accounts, not by events.'),
    ('gmx_solana', 'volume', 'DefiLlama', d.volume_usd, NULL::numeric,
     'tradeVolume of the protocol''s own index: not told on chain.'),
    ('gmx_solana', 'organic_volume', 'DefiLlama, proposed', d.organic_volume_usd, d.organic_volume_usd,
     'Changes of position sizes without wash wallets: turnover of 20, and balanced or in 8 positions. The rule that ours is read from.'),
    ('gmx_solana', 'fees', 'DefiLlama', d.fees_usd, d.trading_fees_usd + d.swap_fees_usd,
     'Order, borrowing and liquidation fees, and swaps; no mint and burn.'),
    ('gmx_solana', 'tvl', 'DefiLlama', d.tvl_usd, NULL::numeric,
     'Every token that the store owns, with collateral, fees and what waits to be claimed: told by accounts, not by events.')
) AS r (protocol, metric, source, ours_usd, theirs_usd, definition)
WHERE r.protocol = d.protocol;

COMMENT ON VIEW perps.reconciliation IS 'The same number of a day as others define it, beside ours: why they differ. Made of our rows by their definition, not read from them.';
COMMENT ON COLUMN perps.reconciliation.day IS 'UTC day of block time.';
COMMENT ON COLUMN perps.reconciliation.protocol IS 'drift, jupiter_perps or gmx_solana.';
COMMENT ON COLUMN perps.reconciliation.coverage IS 'full, partial (the numbers are of what was seen) or none.';
COMMENT ON COLUMN perps.reconciliation.metric IS 'volume, spot_volume, organic_volume, fees or tvl.';
COMMENT ON COLUMN perps.reconciliation.source IS 'Whose definition it is.';
COMMENT ON COLUMN perps.reconciliation.ours_usd IS 'Our number: volume_usd, spot_volume_usd, organic_volume_usd, fees_usd or tvl_usd of the daily views.';
COMMENT ON COLUMN perps.reconciliation.theirs_usd IS 'By their definition; NULL where events do not tell it.';
COMMENT ON COLUMN perps.reconciliation.difference_usd IS 'theirs_usd - ours_usd.';
COMMENT ON COLUMN perps.reconciliation.definition IS 'Their definition, in our words.';
