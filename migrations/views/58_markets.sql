-- Prices, rates, open interest, liquidations, swaps and incentives, by hour or day, as last rolled up.

CREATE VIEW perps.token_prices_hourly AS
SELECT
    p.hour,
    perps.base58(p.mint) AS mint,
    t.symbol,
    p.mint AS mint_bytes,
    trim_scale(p.open) AS open_usd,
    trim_scale(p.high) AS high_usd,
    trim_scale(p.low) AS low_usd,
    trim_scale(p.close) AS close_usd,
    p.close_at,
    p.observations,
    p.protocols
FROM ledger.hourly_token_prices AS p
LEFT JOIN ledger.tokens AS t ON t.mint = p.mint;

COMMENT ON VIEW perps.token_prices_hourly IS 'Prices of tokens by hour, whichever protocol told them.';
COMMENT ON COLUMN perps.token_prices_hourly.hour IS 'Start of the hour, UTC.';
COMMENT ON COLUMN perps.token_prices_hourly.mint IS 'The token, base58.';
COMMENT ON COLUMN perps.token_prices_hourly.symbol IS 'Symbol of the token; NULL where unknown.';
COMMENT ON COLUMN perps.token_prices_hourly.mint_bytes IS 'The token as 32 bytes: compare it with perps.key(''...'') to use the index.';
COMMENT ON COLUMN perps.token_prices_hourly.open_usd IS 'First price told in the hour.';
COMMENT ON COLUMN perps.token_prices_hourly.high_usd IS 'Highest.';
COMMENT ON COLUMN perps.token_prices_hourly.low_usd IS 'Lowest.';
COMMENT ON COLUMN perps.token_prices_hourly.close_usd IS 'Last.';
COMMENT ON COLUMN perps.token_prices_hourly.close_at IS 'When the last one was told.';
COMMENT ON COLUMN perps.token_prices_hourly.observations IS 'How many were told.';
COMMENT ON COLUMN perps.token_prices_hourly.protocols IS 'Whose events told them.';

CREATE VIEW perps.market_prices_hourly AS
SELECT
    p.hour,
    p.protocol,
    coalesce(m.symbol, p.market_key) AS market,
    p.market_key,
    m.base_asset,
    trim_scale(p.open) AS open_usd,
    trim_scale(p.high) AS high_usd,
    trim_scale(p.low) AS low_usd,
    trim_scale(p.close) AS close_usd,
    p.close_at,
    p.observations
FROM ledger.hourly_market_prices AS p
LEFT JOIN ledger.markets AS m USING (protocol, market_key);

COMMENT ON VIEW perps.market_prices_hourly IS 'Prices of what is traded by hour: Drift''s oracle, GMX''s index, Jupiter''s execution prices.';
COMMENT ON COLUMN perps.market_prices_hourly.hour IS 'Start of the hour, UTC.';
COMMENT ON COLUMN perps.market_prices_hourly.protocol IS 'drift, jupiter_perps or gmx_solana.';
COMMENT ON COLUMN perps.market_prices_hourly.market IS 'Symbol of the market; its key where the market is unknown.';
COMMENT ON COLUMN perps.market_prices_hourly.market_key IS 'The protocol''s own key of the market, as text.';
COMMENT ON COLUMN perps.market_prices_hourly.base_asset IS 'What is traded, the same word in all protocols; NULL where the market is unknown.';
COMMENT ON COLUMN perps.market_prices_hourly.open_usd IS 'First price told in the hour.';
COMMENT ON COLUMN perps.market_prices_hourly.high_usd IS 'Highest.';
COMMENT ON COLUMN perps.market_prices_hourly.low_usd IS 'Lowest.';
COMMENT ON COLUMN perps.market_prices_hourly.close_usd IS 'Last.';
COMMENT ON COLUMN perps.market_prices_hourly.close_at IS 'When the last one was told.';
COMMENT ON COLUMN perps.market_prices_hourly.observations IS 'How many were told.';

CREATE VIEW perps.funding_daily AS
SELECT
    (f.hour AT TIME ZONE 'UTC')::date AS day,
    f.protocol,
    coalesce(m.symbol, f.market_key) AS market,
    f.market_key,
    m.base_asset,
    f.rate_kind,
    ledger.ratio(sum(h.rate), count(h.rate), 12) AS mean_rate,
    ledger.ratio(sum(h.rate_long), count(h.rate_long), 12) AS mean_rate_long,
    ledger.ratio(sum(h.rate_short), count(h.rate_short), 12) AS mean_rate_short,
    count(*) FILTER (WHERE num_nonnulls(h.rate, h.rate_long, h.rate_short) > 0) AS hours,
    sum(f.rates)::bigint AS rates
FROM ledger.hourly_funding_rates AS f
CROSS JOIN LATERAL (  -- Each hour counts once, however often it was told.
    SELECT ledger.ratio(f.rate_sum, f.rates, 18) AS rate,
        ledger.ratio(f.rate_long_sum, f.rates_long, 18) AS rate_long,
        ledger.ratio(f.rate_short_sum, f.rates_short, 18) AS rate_short
) AS h
LEFT JOIN ledger.markets AS m USING (protocol, market_key)
GROUP BY 1, f.protocol, f.market_key, m.symbol, m.base_asset, f.rate_kind;

COMMENT ON VIEW perps.funding_daily IS 'Mean hourly funding and borrow rates by UTC day and market, each hour that tells one counted once. Drift tells its funding rate once an hour, in events; GMX-Solana''s and Jupiter''s are read from accounts, as often as a daemon reads them.';
COMMENT ON COLUMN perps.funding_daily.day IS 'UTC day of block time.';
COMMENT ON COLUMN perps.funding_daily.protocol IS 'drift, jupiter_perps or gmx_solana.';
COMMENT ON COLUMN perps.funding_daily.market IS 'Symbol of the market; its key where the market is unknown.';
COMMENT ON COLUMN perps.funding_daily.market_key IS 'The protocol''s own key of the market, as text.';
COMMENT ON COLUMN perps.funding_daily.base_asset IS 'What is traded, the same word in all protocols; NULL where the market is unknown.';
COMMENT ON COLUMN perps.funding_daily.rate_kind IS 'funding or borrow.';
COMMENT ON COLUMN perps.funding_daily.mean_rate IS 'Fraction of notional per hour, the mean over the hours that tell it; positive: longs pay. What a day cost is the sum over 24 hours.';
COMMENT ON COLUMN perps.funding_daily.mean_rate_long IS 'The same for longs, where both differ.';
COMMENT ON COLUMN perps.funding_daily.mean_rate_short IS 'The same for shorts, where both differ.';
COMMENT ON COLUMN perps.funding_daily.hours IS 'Hours of the day that tell a rate: below 24 the mean is of a part of the day.';
COMMENT ON COLUMN perps.funding_daily.rates IS 'How many rates were told.';

CREATE VIEW perps.open_interest_daily AS
SELECT
    s.day,
    s.protocol,
    coalesce(m.symbol, s.market_key) AS market,
    s.market_key,
    m.base_asset,
    s.coverage,
    ledger.dollars(s.long_e6) AS long_usd,
    ledger.dollars(s.short_e6) AS short_usd,
    ledger.dollars(s.long_e6 + s.short_e6) AS open_interest_usd,
    ledger.ratio(s.long_e6 - s.short_e6, s.long_e6 + s.short_e6, 6) AS skew
FROM (
    SELECT c.day, c.protocol, c.coverage, k.market_key,
        max(held.value_e6) FILTER (WHERE k.side = 'long') AS long_e6,
        max(held.value_e6) FILTER (WHERE k.side = 'short') AS short_e6
    FROM (SELECT DISTINCT protocol, market_key, side FROM ledger.hourly_open_interest WHERE value_e6 IS NOT NULL) AS k
    JOIN perps.coverage_daily AS c USING (protocol)
    CROSS JOIN LATERAL (  -- The end of the day, or of what is covered.
        SELECT least((c.day + 1)::timestamp AT TIME ZONE 'UTC', max(s.ends_at)) AS at
        FROM ledger.covered_spans AS s WHERE s.stream = c.protocol
    ) AS moment
    LEFT JOIN LATERAL (
        SELECT o.value_e6, o.value_slot, o.value_at FROM ledger.hourly_open_interest AS o
        WHERE o.protocol = k.protocol AND o.market_key = k.market_key AND o.side = k.side AND o.value_e6 IS NOT NULL
            AND o.hour < (c.day + 1)::timestamp AT TIME ZONE 'UTC'
        ORDER BY o.hour DESC LIMIT 1
    ) AS told ON true
    LEFT JOIN LATERAL (
        -- GMX tells every change; elsewhere a reading grows old.
        SELECT told.value_e6 FROM ledger.parameters AS age
        WHERE age.protocol = 'all' AND age.name = 'price_max_age_s'
            AND moment.at > c.day::timestamp AT TIME ZONE 'UTC'
            AND CASE WHEN k.protocol = 'gmx_solana' THEN EXISTS (
                SELECT FROM ledger.covered_spans AS s
                WHERE s.stream = k.protocol AND s.first_slot <= told.value_slot AND s.behind_slot > told.value_slot
                    AND s.ends_at >= moment.at
            ) ELSE told.value_at + age.value * interval '1 second' > moment.at END
    ) AS held ON true
    GROUP BY c.day, c.protocol, c.coverage, k.market_key
) AS s
LEFT JOIN ledger.markets AS m USING (protocol, market_key);

COMMENT ON VIEW perps.open_interest_daily IS 'Open interest at the end of each UTC day, or of what is covered of it. GMX-Solana tells it in events, the others in readings of accounts.';
COMMENT ON COLUMN perps.open_interest_daily.day IS 'UTC day.';
COMMENT ON COLUMN perps.open_interest_daily.protocol IS 'drift, jupiter_perps or gmx_solana.';
COMMENT ON COLUMN perps.open_interest_daily.market IS 'Symbol of the market; its key where the market is unknown.';
COMMENT ON COLUMN perps.open_interest_daily.market_key IS 'The protocol''s own key of the market, as text.';
COMMENT ON COLUMN perps.open_interest_daily.base_asset IS 'What is traded, the same word in all protocols; NULL where the market is unknown.';
COMMENT ON COLUMN perps.open_interest_daily.coverage IS 'full, partial or none: how much of the day is settled.';
COMMENT ON COLUMN perps.open_interest_daily.long_usd IS 'Longs. The last one told, as long as every slot since is settled (GMX-Solana) or the reading is not older than a day; else NULL.';
COMMENT ON COLUMN perps.open_interest_daily.short_usd IS 'Shorts.';
COMMENT ON COLUMN perps.open_interest_daily.open_interest_usd IS 'long_usd + short_usd.';
COMMENT ON COLUMN perps.open_interest_daily.skew IS '(long_usd - short_usd) / open_interest_usd.';

CREATE VIEW perps.liquidations_daily AS
SELECT
    l.day,
    l.protocol,
    coalesce(m.symbol, nullif(l.market_key, '')) AS market,
    nullif(l.market_key, '') AS market_key,
    m.base_asset,
    l.liquidation_kind,
    c.coverage,
    CASE WHEN c.coverage <> 'none' THEN ledger.dollars(l.value_e6) END AS value_usd,
    CASE WHEN c.coverage <> 'none' THEN ledger.dollars(l.insurance_fees_e6) END AS insurance_fees_usd,
    CASE WHEN c.coverage <> 'none' THEN ledger.dollars(l.socialised_loss_e6) END AS socialised_loss_usd,
    CASE WHEN c.coverage <> 'none' THEN l.liquidations END AS liquidations,
    CASE WHEN c.coverage <> 'none' THEN l.unvalued END AS unvalued_liquidations
FROM (
    SELECT (hour AT TIME ZONE 'UTC')::date AS day, protocol, market_key, liquidation_kind,
        sum(value_e6) AS value_e6,
        sum(insurance_fees_e6) AS insurance_fees_e6,
        sum(socialised_loss_e6) AS socialised_loss_e6,
        sum(liquidations)::bigint AS liquidations,
        sum(unvalued)::bigint AS unvalued
    FROM ledger.hourly_liquidations
    GROUP BY 1, 2, 3, 4
) AS l
JOIN perps.coverage_daily AS c USING (day, protocol)
LEFT JOIN ledger.markets AS m USING (protocol, market_key);

COMMENT ON VIEW perps.liquidations_daily IS 'Liquidations by UTC day, market and kind. A day without one has no row; whether it was seen, coverage_daily tells.';
COMMENT ON COLUMN perps.liquidations_daily.day IS 'UTC day of block time.';
COMMENT ON COLUMN perps.liquidations_daily.protocol IS 'drift, jupiter_perps or gmx_solana.';
COMMENT ON COLUMN perps.liquidations_daily.market IS 'Symbol of the market; its key where the market is unknown.';
COMMENT ON COLUMN perps.liquidations_daily.market_key IS 'The protocol''s own key of the market, as text.';
COMMENT ON COLUMN perps.liquidations_daily.base_asset IS 'What is traded, the same word in all protocols; NULL where the market is unknown.';
COMMENT ON COLUMN perps.liquidations_daily.liquidation_kind IS 'perp, spot, borrow_for_perp_pnl, perp_pnl_for_deposit, perp_bankruptcy or spot_bankruptcy.';
COMMENT ON COLUMN perps.liquidations_daily.coverage IS 'full, partial (the numbers are of what was seen) or none (they are NULL).';
COMMENT ON COLUMN perps.liquidations_daily.value_usd IS 'What was liquidated; NULL where no row tells.';
COMMENT ON COLUMN perps.liquidations_daily.insurance_fees_usd IS 'Fees to the insurance fund, also those that a takeover''s fee contains.';
COMMENT ON COLUMN perps.liquidations_daily.socialised_loss_usd IS 'Losses that others had to bear.';
COMMENT ON COLUMN perps.liquidations_daily.liquidations IS 'Rows.';
COMMENT ON COLUMN perps.liquidations_daily.unvalued_liquidations IS 'Rows without a value in USD.';

CREATE VIEW perps.swaps_hourly AS
SELECT
    s.hour,
    s.protocol,
    coalesce(m.symbol, nullif(s.market_key, '')) AS market,
    nullif(s.market_key, '') AS market_key,
    s.venue,
    nullif(s.purpose, '') AS purpose,
    s.is_first_hop,
    ledger.dollars(s.volume_e6) AS volume_usd,
    ledger.dollars(s.fees_e6) AS fees_usd,
    ledger.dollars(s.price_impact_e6) AS price_impact_usd,
    s.swaps,
    s.suspect AS suspect_swaps,
    s.unvalued AS unvalued_swaps,
    (
        SELECT ledger.ratio(coalesce(sum(extract(epoch FROM
            least(c.ends_at, s.hour + interval '1 hour') - greatest(c.starts_at, s.hour)
        )), 0), 3600, 6)
        FROM ledger.covered_spans AS c
        WHERE c.stream = s.protocol AND c.starts_at < c.ends_at
            AND c.starts_at < s.hour + interval '1 hour' AND c.ends_at > s.hour
    ) AS covered_fraction
FROM ledger.hourly_swaps AS s
LEFT JOIN ledger.markets AS m USING (protocol, market_key);

COMMENT ON VIEW perps.swaps_hourly IS 'Swaps by hour, venue and purpose. A swap volume counts purpose swap and the first hop.';
COMMENT ON COLUMN perps.swaps_hourly.hour IS 'Start of the hour, UTC.';
COMMENT ON COLUMN perps.swaps_hourly.protocol IS 'drift, jupiter_perps or gmx_solana.';
COMMENT ON COLUMN perps.swaps_hourly.market IS 'Symbol of the market of the hop; its key where the market is unknown; NULL: of no market.';
COMMENT ON COLUMN perps.swaps_hourly.market_key IS 'The protocol''s own key of the market; NULL: of no market.';
COMMENT ON COLUMN perps.swaps_hourly.venue IS 'jlp, gm or drift.';
COMMENT ON COLUMN perps.swaps_hourly.purpose IS 'swap, position or lp; NULL where nothing tells.';
COMMENT ON COLUMN perps.swaps_hourly.is_first_hop IS 'First of a path; false also where nothing tells.';
COMMENT ON COLUMN perps.swaps_hourly.volume_usd IS 'Value, without suspect swaps.';
COMMENT ON COLUMN perps.swaps_hourly.fees_usd IS 'Fees, without suspect swaps.';
COMMENT ON COLUMN perps.swaps_hourly.price_impact_usd IS 'Price impact that is no fee; positive: in the traders'' favour.';
COMMENT ON COLUMN perps.swaps_hourly.swaps IS 'Rows, suspect ones too.';
COMMENT ON COLUMN perps.swaps_hourly.suspect_swaps IS 'Rows whose value does not fit the price of that hour: they are in no sum.';
COMMENT ON COLUMN perps.swaps_hourly.unvalued_swaps IS 'Rows without a value in USD.';
COMMENT ON COLUMN perps.swaps_hourly.covered_fraction IS 'Part of the hour''s seconds in which every slot is settled; below 1 the numbers are of what was seen.';

CREATE VIEW perps.incentives_daily AS
SELECT
    i.day,
    i.protocol,
    i.incentive_kind,
    coalesce(c.coverage, 'none') AS coverage,
    coalesce(c.covered_fraction, 0) AS covered_fraction,
    CASE WHEN c.coverage <> 'none' THEN trim_scale(i.amount) END AS amount,
    CASE WHEN c.coverage <> 'none' THEN trim_scale(i.supply_after) END AS supply_after,
    CASE WHEN c.coverage <> 'none' THEN i.grants END AS grants
FROM (
    SELECT (hour AT TIME ZONE 'UTC')::date AS day, protocol, incentive_kind,
        sum(amount) AS amount,
        (array_agg(supply_after ORDER BY hour DESC) FILTER (WHERE supply_after IS NOT NULL))[1] AS supply_after,
        sum(grants)::bigint AS grants
    FROM ledger.hourly_incentives
    GROUP BY 1, 2, 3
) AS i
LEFT JOIN perps.coverage_daily AS c USING (day, protocol);

COMMENT ON VIEW perps.incentives_daily IS 'Points and tokens given for use, by UTC day.';
COMMENT ON COLUMN perps.incentives_daily.day IS 'UTC day of block time.';
COMMENT ON COLUMN perps.incentives_daily.protocol IS 'drift or gmx_solana.';
COMMENT ON COLUMN perps.incentives_daily.incentive_kind IS 'gt_mint, gt_reward, gt_burn or fuel; it tells the sign.';
COMMENT ON COLUMN perps.incentives_daily.coverage IS 'full, partial (the numbers are of what was seen) or none.';
COMMENT ON COLUMN perps.incentives_daily.covered_fraction IS 'Part of the day''s seconds in which every slot is settled.';
COMMENT ON COLUMN perps.incentives_daily.amount IS 'How much; always positive.';
COMMENT ON COLUMN perps.incentives_daily.supply_after IS 'Supply after the last one of the day.';
COMMENT ON COLUMN perps.incentives_daily.grants IS 'Rows.';
