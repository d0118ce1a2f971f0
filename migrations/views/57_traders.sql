-- Who traded and who provided liquidity, by day and over all time. To filter by a key, compare bytes:
-- `where trader_bytes = perps.key('...')` uses the index.

CREATE VIEW perps.traders_daily AS
SELECT
    t.day,
    t.protocol,
    perps.base58(nullif(t.trader, '')) AS trader,
    t.trader AS trader_bytes,
    coalesce(m.symbol, t.market_key) AS market,
    t.market_key,
    t.market_kind,
    c.coverage,
    ledger.dollars(ledger.total(t.trades, t.volume_e6)) AS volume_usd,
    ledger.dollars(ledger.total(t.maker_trades, t.maker_volume_e6)) AS maker_volume_usd,
    ledger.dollars(t.fees_e6) AS fees_usd,
    ledger.dollars(t.maker_fees_e6) AS maker_fees_usd,
    ledger.dollars(t.funding_e6) AS funding_usd,
    ledger.dollars(t.pnl_e6) AS pnl_usd,
    ledger.dollars(t.pnl_e6 - coalesce(t.fees_e6, 0)) AS net_pnl_usd,
    t.trades,
    t.maker_trades,
    t.liquidations,
    t.without_pnl AS trades_without_pnl,
    t.is_wash
FROM ledger.daily_traders AS t
JOIN perps.coverage_daily AS c USING (day, protocol)
LEFT JOIN ledger.markets AS m USING (protocol, market_key);

COMMENT ON VIEW perps.traders_daily IS 'Traders by UTC day and market, as last rolled up: what was seen of them, on days of any coverage.';
COMMENT ON COLUMN perps.traders_daily.day IS 'UTC day of block time.';
COMMENT ON COLUMN perps.traders_daily.protocol IS 'drift, jupiter_perps or gmx_solana.';
COMMENT ON COLUMN perps.traders_daily.trader IS 'Base58; NULL for fills that do not tell.';
COMMENT ON COLUMN perps.traders_daily.trader_bytes IS 'The same as 32 bytes: compare it with perps.key(''...'') to use the index.';
COMMENT ON COLUMN perps.traders_daily.market IS 'Symbol of the market; its key where the market is unknown.';
COMMENT ON COLUMN perps.traders_daily.market_key IS 'The protocol''s own key of the market, as text.';
COMMENT ON COLUMN perps.traders_daily.market_kind IS 'perp or spot.';
COMMENT ON COLUMN perps.traders_daily.coverage IS 'full, or partial or none: the numbers are of what was seen.';
COMMENT ON COLUMN perps.traders_daily.volume_usd IS 'Net volume as taker or owner of the position: in the protocol''s volume.';
COMMENT ON COLUMN perps.traders_daily.maker_volume_usd IS 'Net volume as the maker opposite: the same fills are in somebody else''s volume_usd.';
COMMENT ON COLUMN perps.traders_daily.fees_usd IS 'Fees paid as trader, less rebates; NULL where no fill tells.';
COMMENT ON COLUMN perps.traders_daily.maker_fees_usd IS 'Fees paid as maker; negative: rebates received.';
COMMENT ON COLUMN perps.traders_daily.funding_usd IS 'Funding paid (+) or received (-), where fills tell it.';
COMMENT ON COLUMN perps.traders_daily.pnl_usd IS 'Realised profit, gross of fees; NULL where no fill tells (Drift).';
COMMENT ON COLUMN perps.traders_daily.net_pnl_usd IS 'pnl_usd less fees_usd, those of opening fills too; funding is beside.';
COMMENT ON COLUMN perps.traders_daily.trades IS 'Fills as trader, without excluded ones.';
COMMENT ON COLUMN perps.traders_daily.maker_trades IS 'Fills as maker.';
COMMENT ON COLUMN perps.traders_daily.liquidations IS 'Fills of liquidations of this trader.';
COMMENT ON COLUMN perps.traders_daily.trades_without_pnl IS 'Fills that may realise a profit and tell none: pnl_usd lacks theirs.';
COMMENT ON COLUMN perps.traders_daily.is_wash IS 'Our rule calls the trader''s day in this protocol wash trading.';

CREATE MATERIALIZED VIEW perps.traders AS
SELECT
    t.protocol,
    perps.base58(t.trader) AS trader,
    t.trader AS trader_bytes,
    min(t.day) AS first_day,
    max(t.day) AS last_day,
    count(DISTINCT t.day) AS days,
    count(DISTINCT t.market_key) AS markets,
    ledger.dollars(ledger.total(
        sum(t.trades) FILTER (WHERE t.market_kind = 'perp'), sum(t.volume_e6) FILTER (WHERE t.market_kind = 'perp')
    )) AS volume_usd,
    ledger.dollars(ledger.total(
        sum(t.trades) FILTER (WHERE t.market_kind = 'spot'), sum(t.volume_e6) FILTER (WHERE t.market_kind = 'spot')
    )) AS spot_volume_usd,
    ledger.dollars(ledger.total(sum(t.maker_trades), sum(t.maker_volume_e6))) AS maker_volume_usd,
    ledger.dollars(sum(t.fees_e6)) AS fees_usd,
    ledger.dollars(sum(t.maker_fees_e6)) AS maker_fees_usd,
    ledger.dollars(sum(t.funding_e6)) AS funding_usd,
    ledger.dollars(sum(t.pnl_e6)) AS pnl_usd,
    ledger.dollars(sum(t.pnl_e6) - coalesce(sum(t.fees_e6), 0)) AS net_pnl_usd,
    sum(t.trades)::bigint AS trades,
    sum(t.maker_trades)::bigint AS maker_trades,
    sum(t.liquidations)::bigint AS liquidations,
    sum(t.without_pnl)::bigint AS trades_without_pnl,
    count(DISTINCT t.day) FILTER (WHERE t.is_wash) AS wash_days
FROM ledger.daily_traders AS t
WHERE t.trader <> ''
GROUP BY t.protocol, t.trader;

CREATE UNIQUE INDEX traders_key ON perps.traders (protocol, trader_bytes);
CREATE INDEX traders_trader ON perps.traders (trader_bytes);

COMMENT ON MATERIALIZED VIEW perps.traders IS 'Every trader of a protocol, over all that is indexed: sums lack what days that are not full (perps.coverage_daily) lack.';
COMMENT ON COLUMN perps.traders.protocol IS 'drift, jupiter_perps or gmx_solana.';
COMMENT ON COLUMN perps.traders.trader IS 'Base58.';
COMMENT ON COLUMN perps.traders.trader_bytes IS 'The same as 32 bytes: compare it with perps.key(''...'') to use the index.';
COMMENT ON COLUMN perps.traders.first_day IS 'First UTC day with a fill.';
COMMENT ON COLUMN perps.traders.last_day IS 'Last UTC day with a fill.';
COMMENT ON COLUMN perps.traders.days IS 'Days with a fill.';
COMMENT ON COLUMN perps.traders.markets IS 'Different markets traded.';
COMMENT ON COLUMN perps.traders.volume_usd IS 'Net perp volume as taker or owner of the position.';
COMMENT ON COLUMN perps.traders.spot_volume_usd IS 'Net spot volume as taker.';
COMMENT ON COLUMN perps.traders.maker_volume_usd IS 'Net volume as the maker opposite, perp and spot.';
COMMENT ON COLUMN perps.traders.fees_usd IS 'Fees paid as trader, less rebates; NULL where no fill tells.';
COMMENT ON COLUMN perps.traders.maker_fees_usd IS 'Fees paid as maker; negative: rebates received.';
COMMENT ON COLUMN perps.traders.funding_usd IS 'Funding paid (+) or received (-), where fills tell it.';
COMMENT ON COLUMN perps.traders.pnl_usd IS 'Realised profit, gross of fees; NULL where no fill tells (Drift).';
COMMENT ON COLUMN perps.traders.net_pnl_usd IS 'pnl_usd less fees_usd, those of opening fills too; funding is beside.';
COMMENT ON COLUMN perps.traders.trades IS 'Fills as trader, without excluded ones.';
COMMENT ON COLUMN perps.traders.maker_trades IS 'Fills as maker.';
COMMENT ON COLUMN perps.traders.liquidations IS 'Fills of liquidations of this trader.';
COMMENT ON COLUMN perps.traders.trades_without_pnl IS 'Fills that may realise a profit and tell none: pnl_usd lacks theirs.';
COMMENT ON COLUMN perps.traders.wash_days IS 'Days that our rule calls wash trading.';

CREATE VIEW perps.lp_providers_daily AS
SELECT
    p.day,
    p.protocol,
    p.venue,
    p.venue_key,
    perps.base58(nullif(p.provider, '')) AS provider,
    p.provider AS provider_bytes,
    c.coverage,
    ledger.dollars(ledger.total(p.deposits, p.deposits_e6)) AS deposits_usd,
    ledger.dollars(ledger.total(p.withdrawals, p.withdrawals_e6)) AS withdrawals_usd,
    ledger.dollars(ledger.total(p.deposits, p.deposits_e6) - ledger.total(p.withdrawals, p.withdrawals_e6)) AS net_flow_usd,
    ledger.dollars(p.fees_e6) AS fees_usd,
    p.deposits,
    p.withdrawals,
    p.unvalued AS unvalued_flows
FROM ledger.daily_providers AS p
JOIN perps.coverage_daily AS c USING (day, protocol);

COMMENT ON VIEW perps.lp_providers_daily IS 'Providers of liquidity by UTC day and venue, as last rolled up.';
COMMENT ON COLUMN perps.lp_providers_daily.day IS 'UTC day of block time.';
COMMENT ON COLUMN perps.lp_providers_daily.protocol IS 'drift, jupiter_perps or gmx_solana.';
COMMENT ON COLUMN perps.lp_providers_daily.venue IS 'jlp, gm, glv, drift_lending, drift_insurance, drift_bal, drift_dlp or drift_vault.';
COMMENT ON COLUMN perps.lp_providers_daily.venue_key IS 'Which pool, market, vault or spot market.';
COMMENT ON COLUMN perps.lp_providers_daily.provider IS 'Base58; NULL where neither the flow nor an action tells.';
COMMENT ON COLUMN perps.lp_providers_daily.provider_bytes IS 'The same as 32 bytes: compare it with perps.key(''...'') to use the index.';
COMMENT ON COLUMN perps.lp_providers_daily.coverage IS 'full, or partial or none: the numbers are of what was seen.';
COMMENT ON COLUMN perps.lp_providers_daily.deposits_usd IS 'What the provider gave, before fees.';
COMMENT ON COLUMN perps.lp_providers_daily.withdrawals_usd IS 'What the provider got, after fees.';
COMMENT ON COLUMN perps.lp_providers_daily.net_flow_usd IS 'deposits_usd - withdrawals_usd.';
COMMENT ON COLUMN perps.lp_providers_daily.fees_usd IS 'Fees of the flows; NULL where none tells one.';
COMMENT ON COLUMN perps.lp_providers_daily.deposits IS 'Deposits, one for each token.';
COMMENT ON COLUMN perps.lp_providers_daily.withdrawals IS 'Withdrawals, one for each token.';
COMMENT ON COLUMN perps.lp_providers_daily.unvalued_flows IS 'Flows without a value in USD: they are in no sum.';

CREATE MATERIALIZED VIEW perps.lp_providers AS
SELECT
    p.protocol,
    p.venue,
    p.venue_key,
    perps.base58(p.provider) AS provider,
    p.provider AS provider_bytes,
    min(p.day) AS first_day,
    max(p.day) AS last_day,
    ledger.dollars(ledger.total(sum(p.deposits), sum(p.deposits_e6))) AS deposits_usd,
    ledger.dollars(ledger.total(sum(p.withdrawals), sum(p.withdrawals_e6))) AS withdrawals_usd,
    ledger.dollars(
        ledger.total(sum(p.deposits), sum(p.deposits_e6)) - ledger.total(sum(p.withdrawals), sum(p.withdrawals_e6))
    ) AS net_flow_usd,
    ledger.dollars(sum(p.fees_e6)) AS fees_usd,
    sum(p.deposits)::bigint AS deposits,
    sum(p.withdrawals)::bigint AS withdrawals,
    sum(p.unvalued)::bigint AS unvalued_flows
FROM ledger.daily_providers AS p
WHERE p.provider <> ''
GROUP BY p.protocol, p.venue, p.venue_key, p.provider;

CREATE UNIQUE INDEX lp_providers_key ON perps.lp_providers (protocol, venue, venue_key, provider_bytes);
CREATE INDEX lp_providers_provider ON perps.lp_providers (provider_bytes);

COMMENT ON MATERIALIZED VIEW perps.lp_providers IS 'Every provider of liquidity of a venue, over all that is indexed: sums lack what days that are not full (perps.coverage_daily) lack.';
COMMENT ON COLUMN perps.lp_providers.protocol IS 'drift, jupiter_perps or gmx_solana.';
COMMENT ON COLUMN perps.lp_providers.venue IS 'jlp, gm, glv, drift_lending, drift_insurance, drift_bal, drift_dlp or drift_vault.';
COMMENT ON COLUMN perps.lp_providers.venue_key IS 'Which pool, market, vault or spot market.';
COMMENT ON COLUMN perps.lp_providers.provider IS 'Base58; by the flow''s event, or by the action it belongs to.';
COMMENT ON COLUMN perps.lp_providers.provider_bytes IS 'The same as 32 bytes: compare it with perps.key(''...'') to use the index.';
COMMENT ON COLUMN perps.lp_providers.first_day IS 'First UTC day with a flow.';
COMMENT ON COLUMN perps.lp_providers.last_day IS 'Last UTC day with a flow.';
COMMENT ON COLUMN perps.lp_providers.deposits_usd IS 'What the provider gave, before fees.';
COMMENT ON COLUMN perps.lp_providers.withdrawals_usd IS 'What the provider got, after fees.';
COMMENT ON COLUMN perps.lp_providers.net_flow_usd IS 'deposits_usd - withdrawals_usd, at the prices of those days.';
COMMENT ON COLUMN perps.lp_providers.fees_usd IS 'Fees of the flows; NULL where none tells one.';
COMMENT ON COLUMN perps.lp_providers.deposits IS 'Deposits, one for each token.';
COMMENT ON COLUMN perps.lp_providers.withdrawals IS 'Withdrawals, one for each token.';
COMMENT ON COLUMN perps.lp_providers.unvalued_flows IS 'Flows without a value in USD: they are in no sum.';
