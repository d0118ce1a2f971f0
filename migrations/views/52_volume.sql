-- Volume by market, by hour, and by where the liquidity came from.

CREATE MATERIALIZED VIEW perps.market_volume_daily AS
WITH fills AS (
    SELECT (hour AT TIME ZONE 'UTC')::date AS day, protocol, market_key, market_kind,
        sum(trades) AS rows,
        sum(trades) FILTER (WHERE excluded = '') AS trades,
        sum(unsized) AS unsized,
        sum(volume_e6) AS gross_e6,
        sum(volume_e6) FILTER (WHERE excluded = '') AS net_e6,
        sum(buy_volume_e6) FILTER (WHERE excluded = '') AS buy_e6,
        sum(sell_volume_e6) FILTER (WHERE excluded = '') AS sell_e6,
        sum(opened_volume_e6) FILTER (WHERE excluded = '') AS opened_e6,
        sum(closed_volume_e6) FILTER (WHERE excluded = '') AS closed_e6,
        sum(trades) FILTER (WHERE excluded = '' AND is_liquidation) AS liquidations,
        sum(volume_e6) FILTER (WHERE excluded = '' AND is_liquidation) AS liquidation_e6,
        sum(size_base) FILTER (WHERE excluded = '') AS size_base,
        sum(fees_e6) AS fees_e6
    FROM ledger.hourly_trades
    GROUP BY 1, 2, 3, 4
),
traders AS (
    SELECT day, protocol, market_key, market_kind,
        count(*) FILTER (WHERE trades > 0 AND trader <> '') AS traders,
        sum(trades) FILTER (WHERE is_wash) AS wash_trades,
        sum(volume_e6) FILTER (WHERE is_wash) AS wash_e6
    FROM ledger.daily_traders
    GROUP BY 1, 2, 3, 4
)
SELECT
    f.day,
    f.protocol,
    coalesce(m.symbol, f.market_key) AS market,
    f.market_key,
    m.base_asset,
    f.market_kind,
    c.coverage,
    c.covered_fraction,
    CASE WHEN c.coverage <> 'none' THEN ledger.dollars(ledger.total(f.trades, f.net_e6)) END AS volume_usd,
    CASE WHEN c.coverage <> 'none' THEN ledger.dollars(f.gross_e6) END AS gross_volume_usd,
    CASE WHEN c.coverage <> 'none' AND f.market_kind = 'perp' THEN
        ledger.dollars(ledger.total(f.trades, f.net_e6) - ledger.total(t.wash_trades, t.wash_e6)) END AS organic_volume_usd,
    CASE WHEN c.coverage <> 'none' THEN ledger.dollars(ledger.total(f.trades, ledger.side(f.buy_e6, f.sell_e6))) END AS buy_volume_usd,
    CASE WHEN c.coverage <> 'none' THEN ledger.dollars(ledger.total(f.trades, ledger.side(f.sell_e6, f.buy_e6))) END AS sell_volume_usd,
    CASE WHEN c.coverage <> 'none' THEN ledger.dollars(ledger.total(f.trades, ledger.side(f.opened_e6, f.closed_e6))) END AS opened_volume_usd,
    CASE WHEN c.coverage <> 'none' THEN ledger.dollars(ledger.total(f.trades, ledger.side(f.closed_e6, f.opened_e6))) END AS closed_volume_usd,
    CASE WHEN c.coverage <> 'none' THEN ledger.dollars(ledger.total(f.liquidations, f.liquidation_e6)) END
        AS liquidation_volume_usd,
    CASE WHEN c.coverage <> 'none' THEN trim_scale(ledger.total(f.trades, f.size_base)) END AS size_base,
    CASE WHEN c.coverage <> 'none' THEN ledger.dollars(f.fees_e6) END AS fees_usd,
    CASE WHEN c.coverage <> 'none' THEN coalesce(f.trades, 0)::bigint END AS trades,
    CASE WHEN c.coverage <> 'none' THEN coalesce(t.traders, 0) END AS traders,
    CASE WHEN c.coverage <> 'none' THEN coalesce(f.liquidations, 0)::bigint END AS liquidations,
    CASE WHEN c.coverage <> 'none' THEN f.unsized::bigint END AS unsized_trades
FROM fills AS f
JOIN perps.coverage_daily AS c USING (day, protocol)
LEFT JOIN traders AS t USING (day, protocol, market_key, market_kind)
LEFT JOIN ledger.markets AS m USING (protocol, market_key);

CREATE UNIQUE INDEX market_volume_daily_key ON perps.market_volume_daily (day, protocol, market_key, market_kind);

COMMENT ON MATERIALIZED VIEW perps.market_volume_daily IS 'Volume by UTC day and market. A market without a fill on a day has no row; whether the day was seen, coverage_daily tells.';
COMMENT ON COLUMN perps.market_volume_daily.day IS 'UTC day of block time.';
COMMENT ON COLUMN perps.market_volume_daily.protocol IS 'drift, jupiter_perps or gmx_solana.';
COMMENT ON COLUMN perps.market_volume_daily.market IS 'Symbol of the market; its key where the market is unknown.';
COMMENT ON COLUMN perps.market_volume_daily.market_key IS 'The protocol''s own key of the market, as text.';
COMMENT ON COLUMN perps.market_volume_daily.base_asset IS 'What is traded, the same word in all protocols; NULL where the market is unknown.';
COMMENT ON COLUMN perps.market_volume_daily.market_kind IS 'perp or spot.';
COMMENT ON COLUMN perps.market_volume_daily.coverage IS 'full, partial (the numbers are of what was seen) or none (they are NULL).';
COMMENT ON COLUMN perps.market_volume_daily.covered_fraction IS 'Part of the day''s seconds in which every slot is settled.';
COMMENT ON COLUMN perps.market_volume_daily.volume_usd IS 'Notional of fills, each once, without excluded ones (net).';
COMMENT ON COLUMN perps.market_volume_daily.gross_volume_usd IS 'Of all fills, excluded ones too.';
COMMENT ON COLUMN perps.market_volume_daily.organic_volume_usd IS 'volume_usd without wallets that our rule calls wash trading that day; perp markets only.';
COMMENT ON COLUMN perps.market_volume_daily.buy_volume_usd IS 'Of volume_usd: the trader bought.';
COMMENT ON COLUMN perps.market_volume_daily.sell_volume_usd IS 'Of volume_usd: the trader sold.';
COMMENT ON COLUMN perps.market_volume_daily.opened_volume_usd IS 'Of volume_usd: fills that open or increase a position; NULL where no fill says.';
COMMENT ON COLUMN perps.market_volume_daily.closed_volume_usd IS 'Of volume_usd: fills that decrease or close one; NULL where no fill says.';
COMMENT ON COLUMN perps.market_volume_daily.liquidation_volume_usd IS 'Of volume_usd: fills of liquidations.';
COMMENT ON COLUMN perps.market_volume_daily.size_base IS 'Base amount of the fills in volume_usd, as far as decimals are known.';
COMMENT ON COLUMN perps.market_volume_daily.fees_usd IS 'What traders and makers paid for all fills, rebates not taken off.';
COMMENT ON COLUMN perps.market_volume_daily.trades IS 'Fills in volume_usd.';
COMMENT ON COLUMN perps.market_volume_daily.traders IS 'Different traders in volume_usd.';
COMMENT ON COLUMN perps.market_volume_daily.liquidations IS 'Fills of liquidations in volume_usd.';
COMMENT ON COLUMN perps.market_volume_daily.unsized_trades IS 'Fills whose notional is unknown: they are in no volume.';

CREATE VIEW perps.market_volume_hourly AS
SELECT
    t.hour,
    t.protocol,
    coalesce(m.symbol, t.market_key) AS market,
    t.market_key,
    m.base_asset,
    t.market_kind,
    ledger.dollars(ledger.total(sum(t.trades) FILTER (WHERE t.excluded = ''), sum(t.volume_e6) FILTER (WHERE t.excluded = '')))
        AS volume_usd,
    ledger.dollars(sum(t.volume_e6)) AS gross_volume_usd,
    ledger.dollars(ledger.total(
        sum(t.trades) FILTER (WHERE t.excluded = ''),
        ledger.side(
            sum(t.buy_volume_e6) FILTER (WHERE t.excluded = ''), sum(t.sell_volume_e6) FILTER (WHERE t.excluded = '')
        )
    )) AS buy_volume_usd,
    ledger.dollars(ledger.total(
        sum(t.trades) FILTER (WHERE t.excluded = ''),
        ledger.side(
            sum(t.sell_volume_e6) FILTER (WHERE t.excluded = ''), sum(t.buy_volume_e6) FILTER (WHERE t.excluded = '')
        )
    )) AS sell_volume_usd,
    ledger.dollars(ledger.total(
        sum(t.trades) FILTER (WHERE t.excluded = '' AND t.is_liquidation),
        sum(t.volume_e6) FILTER (WHERE t.excluded = '' AND t.is_liquidation)
    )) AS liquidation_volume_usd,
    ledger.dollars(sum(t.fees_e6)) AS fees_usd,
    coalesce(sum(t.trades) FILTER (WHERE t.excluded = ''), 0)::bigint AS trades,
    sum(t.unsized)::bigint AS unsized_trades,
    (
        SELECT ledger.ratio(coalesce(sum(extract(epoch FROM
            least(s.ends_at, t.hour + interval '1 hour') - greatest(s.starts_at, t.hour)
        )), 0), 3600, 6)
        FROM ledger.covered_spans AS s
        WHERE s.stream = t.protocol AND s.starts_at < s.ends_at
            AND s.starts_at < t.hour + interval '1 hour' AND s.ends_at > t.hour
    ) AS covered_fraction
FROM ledger.hourly_trades AS t
LEFT JOIN ledger.markets AS m USING (protocol, market_key)
GROUP BY t.hour, t.protocol, t.market_key, t.market_kind, m.symbol, m.base_asset;

COMMENT ON VIEW perps.market_volume_hourly IS 'Volume by hour and market, as last rolled up. An hour without a fill has no row; whether it was seen, coverage_daily tells.';
COMMENT ON COLUMN perps.market_volume_hourly.hour IS 'Start of the hour, UTC.';
COMMENT ON COLUMN perps.market_volume_hourly.protocol IS 'drift, jupiter_perps or gmx_solana.';
COMMENT ON COLUMN perps.market_volume_hourly.market IS 'Symbol of the market; its key where the market is unknown.';
COMMENT ON COLUMN perps.market_volume_hourly.market_key IS 'The protocol''s own key of the market, as text.';
COMMENT ON COLUMN perps.market_volume_hourly.base_asset IS 'What is traded, the same word in all protocols; NULL where the market is unknown.';
COMMENT ON COLUMN perps.market_volume_hourly.market_kind IS 'perp or spot.';
COMMENT ON COLUMN perps.market_volume_hourly.volume_usd IS 'Notional of fills, each once, without excluded ones (net).';
COMMENT ON COLUMN perps.market_volume_hourly.gross_volume_usd IS 'Of all fills, excluded ones too.';
COMMENT ON COLUMN perps.market_volume_hourly.buy_volume_usd IS 'Of volume_usd: the trader bought.';
COMMENT ON COLUMN perps.market_volume_hourly.sell_volume_usd IS 'Of volume_usd: the trader sold.';
COMMENT ON COLUMN perps.market_volume_hourly.liquidation_volume_usd IS 'Of volume_usd: fills of liquidations.';
COMMENT ON COLUMN perps.market_volume_hourly.fees_usd IS 'What traders and makers paid for all fills, rebates not taken off.';
COMMENT ON COLUMN perps.market_volume_hourly.trades IS 'Fills in volume_usd.';
COMMENT ON COLUMN perps.market_volume_hourly.unsized_trades IS 'Fills whose notional is unknown: they are in no volume.';
COMMENT ON COLUMN perps.market_volume_hourly.covered_fraction IS 'Part of the hour''s seconds in which every slot is settled; below 1 the numbers are of what was seen.';

CREATE VIEW perps.volume_hourly AS
SELECT
    t.hour,
    t.protocol,
    ledger.dollars(ledger.total(
        sum(t.trades) FILTER (WHERE t.market_kind = 'perp' AND t.excluded = ''),
        sum(t.volume_e6) FILTER (WHERE t.market_kind = 'perp' AND t.excluded = '')
    )) AS volume_usd,
    ledger.dollars(ledger.total(
        sum(t.trades) FILTER (WHERE t.market_kind = 'perp'), sum(t.volume_e6) FILTER (WHERE t.market_kind = 'perp')
    )) AS gross_volume_usd,
    ledger.dollars(ledger.total(
        sum(t.trades) FILTER (WHERE t.market_kind = 'spot' AND t.excluded = ''),
        sum(t.volume_e6) FILTER (WHERE t.market_kind = 'spot' AND t.excluded = '')
    )) AS spot_volume_usd,
    ledger.dollars(sum(t.fees_e6)) AS trading_fees_usd,
    coalesce(sum(t.trades) FILTER (WHERE t.market_kind = 'perp' AND t.excluded = ''), 0)::bigint AS trades,
    coalesce(sum(t.trades) FILTER (WHERE t.market_kind = 'perp' AND t.excluded = '' AND t.is_liquidation), 0)::bigint
        AS liquidations,
    coalesce(sum(t.unsized) FILTER (WHERE t.market_kind = 'perp'), 0)::bigint AS unsized_trades,
    (
        SELECT ledger.ratio(coalesce(sum(extract(epoch FROM
            least(s.ends_at, t.hour + interval '1 hour') - greatest(s.starts_at, t.hour)
        )), 0), 3600, 6)
        FROM ledger.covered_spans AS s
        WHERE s.stream = t.protocol AND s.starts_at < s.ends_at
            AND s.starts_at < t.hour + interval '1 hour' AND s.ends_at > t.hour
    ) AS covered_fraction
FROM ledger.hourly_trades AS t
GROUP BY t.hour, t.protocol;

COMMENT ON VIEW perps.volume_hourly IS 'Volume by hour and protocol, as last rolled up. An hour without a fill has no row; whether it was seen, coverage_daily tells.';
COMMENT ON COLUMN perps.volume_hourly.hour IS 'Start of the hour, UTC.';
COMMENT ON COLUMN perps.volume_hourly.protocol IS 'drift, jupiter_perps or gmx_solana.';
COMMENT ON COLUMN perps.volume_hourly.volume_usd IS 'Notional of perp fills, each once, without excluded ones (net).';
COMMENT ON COLUMN perps.volume_hourly.gross_volume_usd IS 'Of all perp fills, excluded ones too.';
COMMENT ON COLUMN perps.volume_hourly.spot_volume_usd IS 'Fills of spot order books. Not in volume_usd.';
COMMENT ON COLUMN perps.volume_hourly.trading_fees_usd IS 'What traders and makers paid for fills, perp and spot, rebates not taken off.';
COMMENT ON COLUMN perps.volume_hourly.trades IS 'Fills in volume_usd.';
COMMENT ON COLUMN perps.volume_hourly.liquidations IS 'Fills of liquidations in volume_usd.';
COMMENT ON COLUMN perps.volume_hourly.unsized_trades IS 'Perp fills whose notional is unknown: they are in no volume.';
COMMENT ON COLUMN perps.volume_hourly.covered_fraction IS 'Part of the hour''s seconds in which every slot is settled; below 1 the numbers are of what was seen.';

CREATE VIEW perps.liquidity_sources_daily AS
SELECT
    s.day,
    s.protocol,
    s.market_kind,
    s.liquidity_source,
    c.coverage,
    CASE WHEN c.coverage <> 'none' THEN ledger.dollars(s.volume_e6) END AS volume_usd,
    CASE WHEN c.coverage <> 'none' THEN ledger.ratio(s.volume_e6, sum(s.volume_e6) OVER of_day, 6) END AS share,
    CASE WHEN c.coverage <> 'none' THEN s.trades END AS trades
FROM (
    SELECT (hour AT TIME ZONE 'UTC')::date AS day, protocol, market_kind,
        CASE WHEN is_liquidation THEN 'liquidation' ELSE coalesce(nullif(liquidity_source, ''), 'unknown') END
            AS liquidity_source,
        sum(volume_e6) AS volume_e6,
        sum(trades)::bigint AS trades
    FROM ledger.hourly_trades
    WHERE excluded = ''
    GROUP BY 1, 2, 3, 4
) AS s
JOIN perps.coverage_daily AS c USING (day, protocol)
WINDOW of_day AS (PARTITION BY s.day, s.protocol, s.market_kind);

COMMENT ON VIEW perps.liquidity_sources_daily IS 'Net volume by UTC day and by who stood opposite: JIT auction, order book, AMM and its mixtures, pool, external venue, liquidation.';
COMMENT ON COLUMN perps.liquidity_sources_daily.day IS 'UTC day of block time.';
COMMENT ON COLUMN perps.liquidity_sources_daily.protocol IS 'drift, jupiter_perps or gmx_solana.';
COMMENT ON COLUMN perps.liquidity_sources_daily.market_kind IS 'perp or spot.';
COMMENT ON COLUMN perps.liquidity_sources_daily.liquidity_source IS 'pool, amm, amm_jit, amm_jit_lp, lp_jit (BAL), order_book, jit_auction, external; liquidation for every fill of one; unknown where a fill does not tell.';
COMMENT ON COLUMN perps.liquidity_sources_daily.coverage IS 'full, partial (the numbers are of what was seen) or none (they are NULL).';
COMMENT ON COLUMN perps.liquidity_sources_daily.volume_usd IS 'Notional of fills, without excluded ones.';
COMMENT ON COLUMN perps.liquidity_sources_daily.share IS 'Part of the day''s volume of the protocol and kind.';
COMMENT ON COLUMN perps.liquidity_sources_daily.trades IS 'Fills.';
