-- How much was where, weighted by time. An amount that every change tells holds as long as its slots are settled; a price,
-- a value told as a whole, and what only readings of accounts tell are unknown when they are older than a day
-- (ledger.parameters). The mean of a day is over its known seconds and NULL where they are less than half of it. Counted
-- into a protocol's TVL: Jupiter's pool, GMX's pools, Drift's lending (deposits less borrows) and insurance fund. GLV holds
-- GM, strategy vaults and DLP hold deposits: they stand beside.

CREATE VIEW ledger.counted_components AS
SELECT * FROM (VALUES
    ('jupiter_perps', 'pool'), ('gmx_solana', 'pool'), ('drift', 'lending'), ('drift', 'insurance_fund')
) AS counted (protocol, component);
COMMENT ON VIEW ledger.counted_components IS 'What a protocol''s TVL is the sum of.';

CREATE VIEW ledger.held_components AS
SELECT * FROM (VALUES
    ('gmx_solana', 'pool'), ('drift', 'lending'), ('drift', 'insurance_fund'), ('drift', 'strategy_vault')
) AS held (protocol, component);
COMMENT ON VIEW ledger.held_components IS 'Amounts that events tell whenever they change: they hold while slots are settled.';

CREATE VIEW ledger.listed_components AS
SELECT * FROM (VALUES ('drift', 'strategy_vault_spot'), ('gmx_solana', 'glv_holding')) AS listed (protocol, component);
COMMENT ON VIEW ledger.listed_components IS 'Amounts that each reading lists whole: what the next one does not name is there no more.';

CREATE VIEW perps.tvl_tokens_hourly AS
SELECT
    h.hour,
    h.protocol,
    h.component,
    h.component_key,
    coalesce(m.symbol, h.component_key) AS name,
    perps.base58(g.mint) AS mint,
    t.symbol,
    ledger.ratio(h.value_seconds, nullif(h.known_s, 0), 6) AS tvl_usd,
    ledger.ratio(h.amount_seconds, nullif(h.amount_s, 0), 12) AS mean_amount,
    trim_scale(h.amount) AS amount,
    trim_scale(h.deposits) AS deposits,
    trim_scale(h.borrows) AS borrows,
    ledger.ratio(h.known_s, 3600, 6) AS known_fraction,
    ledger.ratio(greatest(h.amount_s - h.known_s, 0), 3600, 6) AS unpriced_fraction,
    h.origin
FROM ledger.hourly_tvl AS h
JOIN ledger.tvl_holdings AS g
    ON g.protocol = h.protocol AND g.component = h.component AND g.component_key = h.component_key
    AND g.holding = h.holding
LEFT JOIN ledger.markets AS m ON m.protocol = h.protocol AND m.market_key = h.component_key
LEFT JOIN ledger.tokens AS t ON t.mint = g.mint;

COMMENT ON VIEW perps.tvl_tokens_hourly IS 'What lay where, by hour and token, as last rolled up. Nothing known of an hour: no row.';
COMMENT ON COLUMN perps.tvl_tokens_hourly.hour IS 'Start of the hour, UTC.';
COMMENT ON COLUMN perps.tvl_tokens_hourly.protocol IS 'drift, jupiter_perps or gmx_solana.';
COMMENT ON COLUMN perps.tvl_tokens_hourly.component IS 'Counted: pool, lending, insurance_fund. Beside: strategy_vault (a vault''s equity by its events) and strategy_vault_spot (what it lent, by its account); glv (value) and glv_holding (GM tokens, by account); by accounts alone custody (Jupiter: tokens owned, in the pool), pool_recomputed (Jupiter''s AUM made of custodies, to check the pool''s) and lp_supply (LP tokens in circulation).';
COMMENT ON COLUMN perps.tvl_tokens_hourly.component_key IS 'Which one.';
COMMENT ON COLUMN perps.tvl_tokens_hourly.name IS 'Symbol of the market; its key where it is none or unknown.';
COMMENT ON COLUMN perps.tvl_tokens_hourly.mint IS 'The token, base58; NULL where a value is told as a whole.';
COMMENT ON COLUMN perps.tvl_tokens_hourly.symbol IS 'Symbol of the token; NULL where unknown.';
COMMENT ON COLUMN perps.tvl_tokens_hourly.tvl_usd IS 'Value, the mean over the hour''s known seconds.';
COMMENT ON COLUMN perps.tvl_tokens_hourly.mean_amount IS 'Tokens, the mean over the seconds in which they are known.';
COMMENT ON COLUMN perps.tvl_tokens_hourly.amount IS 'Tokens at the end of what is known of the hour. Lending: deposits less borrows.';
COMMENT ON COLUMN perps.tvl_tokens_hourly.deposits IS 'Lending: tokens deposited, at the same moment.';
COMMENT ON COLUMN perps.tvl_tokens_hourly.borrows IS 'Lending: tokens borrowed, at the same moment.';
COMMENT ON COLUMN perps.tvl_tokens_hourly.known_fraction IS 'Part of the hour in which the value is known.';
COMMENT ON COLUMN perps.tvl_tokens_hourly.unpriced_fraction IS 'Part of the hour in which the amount is known and no price.';
COMMENT ON COLUMN perps.tvl_tokens_hourly.origin IS 'event, account, recomputed, or mixed.';

CREATE VIEW ledger.daily_holdings AS
SELECT c.day, h.protocol, h.component, h.component_key, h.holding, h.mint, c.coverage, c.covered_fraction, d.origin,
    coalesce(d.known_s, 0) AS known_s,
    coalesce(d.amount_s, 0) AS amount_s,
    d.amount_seconds,
    d.value_seconds,
    CASE WHEN c.coverage <> 'none' AND d.known_s >= 86400 * least_known.value
        THEN ledger.ratio(d.value_seconds, d.known_s, 6) END AS value_usd
FROM ledger.tvl_holdings AS h
JOIN perps.coverage_daily AS c ON c.protocol = h.protocol
JOIN ledger.parameters AS least_known ON least_known.protocol = 'all' AND least_known.name = 'tvl_known_fraction'
LEFT JOIN ledger.daily_tvl AS d
    ON d.protocol = h.protocol AND d.component = h.component AND d.component_key = h.component_key
    AND d.holding = h.holding AND d.day = c.day;
COMMENT ON VIEW ledger.daily_holdings IS 'Every holding on every day of its protocol.';

CREATE VIEW perps.tvl_tokens_daily AS
SELECT
    h.day,
    h.protocol,
    h.component,
    h.component_key,
    coalesce(m.symbol, h.component_key) AS name,
    perps.base58(h.mint) AS mint,
    t.symbol,
    h.coverage,
    h.value_usd AS tvl_usd,
    CASE WHEN h.coverage <> 'none' THEN ledger.ratio(h.amount_seconds, nullif(h.amount_s, 0), 12) END AS mean_amount,
    ledger.ratio(h.known_s, 86400, 6) AS known_fraction,
    ledger.ratio(greatest(h.amount_s - h.known_s, 0), 86400, 6) AS unpriced_fraction,
    h.origin
FROM ledger.daily_holdings AS h
LEFT JOIN ledger.markets AS m ON m.protocol = h.protocol AND m.market_key = h.component_key
LEFT JOIN ledger.tokens AS t ON t.mint = h.mint;

COMMENT ON VIEW perps.tvl_tokens_daily IS 'What lay where, by UTC day and token, the mean over the known seconds of the day.';
COMMENT ON COLUMN perps.tvl_tokens_daily.day IS 'UTC day.';
COMMENT ON COLUMN perps.tvl_tokens_daily.protocol IS 'drift, jupiter_perps or gmx_solana.';
COMMENT ON COLUMN perps.tvl_tokens_daily.component IS 'Counted: pool, lending, insurance_fund. Beside: strategy_vault (a vault''s equity by its events) and strategy_vault_spot (what it lent, by its account); glv (value) and glv_holding (GM tokens, by account); by accounts alone custody (Jupiter: tokens owned, in the pool), pool_recomputed (Jupiter''s AUM made of custodies, to check the pool''s) and lp_supply (LP tokens in circulation).';
COMMENT ON COLUMN perps.tvl_tokens_daily.component_key IS 'Which one.';
COMMENT ON COLUMN perps.tvl_tokens_daily.name IS 'Symbol of the market; its key where it is none or unknown.';
COMMENT ON COLUMN perps.tvl_tokens_daily.mint IS 'The token, base58; NULL where a value is told as a whole.';
COMMENT ON COLUMN perps.tvl_tokens_daily.symbol IS 'Symbol of the token; NULL where unknown.';
COMMENT ON COLUMN perps.tvl_tokens_daily.coverage IS 'full, partial or none: how much of the day is settled.';
COMMENT ON COLUMN perps.tvl_tokens_daily.tvl_usd IS 'Value, the mean over the day''s known seconds; NULL where less than half of the day is known.';
COMMENT ON COLUMN perps.tvl_tokens_daily.mean_amount IS 'Tokens, the mean over the seconds in which they are known.';
COMMENT ON COLUMN perps.tvl_tokens_daily.known_fraction IS 'Part of the day in which the value is known.';
COMMENT ON COLUMN perps.tvl_tokens_daily.unpriced_fraction IS 'Part of the day in which the amount is known and no price.';
COMMENT ON COLUMN perps.tvl_tokens_daily.origin IS 'event, account, recomputed, or mixed; NULL where nothing is known.';

CREATE MATERIALIZED VIEW perps.tvl_components_daily AS
SELECT
    h.day,
    h.protocol,
    h.component,
    h.component_key,
    coalesce(m.symbol, h.component_key) AS name,
    h.coverage,
    h.covered_fraction,
    k.component IS NOT NULL AS is_counted,
    h.tvl_usd,
    ledger.ratio(h.known_s, 86400, 6) AS known_fraction,
    ledger.ratio(h.unpriced_s, 86400, 6) AS unpriced_fraction,
    h.origin
FROM (
    SELECT t.day, t.protocol, t.component, t.component_key, t.coverage, t.covered_fraction,
        CASE
            WHEN l.component IS NULL THEN
                CASE WHEN count(t.value_usd) = count(*) THEN trim_scale(sum(t.value_usd)) END
            -- What is listed comes and goes: all of it, over the seconds in which there was a reading.
            WHEN t.coverage <> 'none' AND max(t.known_s) >= 86400 * max(least_known.value) THEN
                ledger.ratio(sum(t.value_seconds), max(t.known_s), 6)
        END AS tvl_usd,
        CASE WHEN l.component IS NULL THEN min(t.known_s) ELSE max(t.known_s) END AS known_s,
        max(greatest(t.amount_s - t.known_s, 0)) AS unpriced_s,
        CASE WHEN min(t.origin) = max(t.origin) THEN min(t.origin) WHEN min(t.origin) IS NOT NULL THEN 'mixed' END AS origin
    FROM ledger.daily_holdings AS t
    JOIN ledger.parameters AS least_known ON least_known.protocol = 'all' AND least_known.name = 'tvl_known_fraction'
    LEFT JOIN ledger.listed_components AS l ON l.protocol = t.protocol AND l.component = t.component
    GROUP BY t.day, t.protocol, t.component, t.component_key, t.coverage, t.covered_fraction, l.component
) AS h
LEFT JOIN ledger.counted_components AS k ON k.protocol = h.protocol AND k.component = h.component
LEFT JOIN ledger.markets AS m ON m.protocol = h.protocol AND m.market_key = h.component_key;

CREATE UNIQUE INDEX tvl_components_daily_key ON perps.tvl_components_daily (day, protocol, component, component_key);

COMMENT ON MATERIALIZED VIEW perps.tvl_components_daily IS 'TVL by UTC day and component; each one that was ever told has a row on every day, known or not.';
COMMENT ON COLUMN perps.tvl_components_daily.day IS 'UTC day.';
COMMENT ON COLUMN perps.tvl_components_daily.protocol IS 'drift, jupiter_perps or gmx_solana.';
COMMENT ON COLUMN perps.tvl_components_daily.component IS 'Counted: pool, lending, insurance_fund. Beside: strategy_vault (a vault''s equity by its events) and strategy_vault_spot (what it lent, by its account); glv (value) and glv_holding (GM tokens, by account); by accounts alone custody (Jupiter: tokens owned, in the pool), pool_recomputed (Jupiter''s AUM made of custodies, to check the pool''s) and lp_supply (LP tokens in circulation).';
COMMENT ON COLUMN perps.tvl_components_daily.component_key IS 'Which one.';
COMMENT ON COLUMN perps.tvl_components_daily.name IS 'Symbol of the market; its key where it is none or unknown.';
COMMENT ON COLUMN perps.tvl_components_daily.coverage IS 'full, partial or none: how much of the day is settled.';
COMMENT ON COLUMN perps.tvl_components_daily.covered_fraction IS 'Part of the day''s seconds in which every slot is settled.';
COMMENT ON COLUMN perps.tvl_components_daily.is_counted IS 'True: part of the protocol''s TVL. False: stands beside it, since it contains or is contained.';
COMMENT ON COLUMN perps.tvl_components_daily.tvl_usd IS 'Sum of its tokens'' values (lp_supply: at the LP token''s price), each the mean over the day''s known seconds; NULL where one of them is known less than half of the day.';
COMMENT ON COLUMN perps.tvl_components_daily.known_fraction IS 'Part of the day in which the value is known, of the token of which least is known.';
COMMENT ON COLUMN perps.tvl_components_daily.unpriced_fraction IS 'Part of the day in which an amount is known and no price, of the token of which it is most.';
COMMENT ON COLUMN perps.tvl_components_daily.origin IS 'event, account, recomputed, or mixed; NULL where nothing is known.';

CREATE MATERIALIZED VIEW perps.tvl_daily AS
WITH component AS (
    SELECT day, protocol,
        count(*) FILTER (WHERE is_counted) AS components_total,
        count(tvl_usd) FILTER (WHERE is_counted) AS components_known,
        count(*) FILTER (WHERE is_counted AND unpriced_fraction > 0) AS components_unpriced,
        sum(known_fraction) FILTER (WHERE is_counted) AS known,
        sum(tvl_usd) FILTER (WHERE is_counted) AS tvl_usd,
        sum(tvl_usd) FILTER (WHERE component = 'pool' AND is_counted) AS pool_usd,
        sum(tvl_usd) FILTER (WHERE component = 'lending' AND is_counted) AS lending_usd,
        sum(tvl_usd) FILTER (WHERE component = 'insurance_fund' AND is_counted) AS insurance_fund_usd,
        sum(tvl_usd) FILTER (WHERE component = 'glv') AS glv_usd,
        CASE WHEN min(origin) FILTER (WHERE is_counted) = max(origin) FILTER (WHERE is_counted)
            THEN min(origin) FILTER (WHERE is_counted)
            WHEN min(origin) FILTER (WHERE is_counted) IS NOT NULL THEN 'mixed' END AS origin
    FROM perps.tvl_components_daily
    GROUP BY day, protocol
),
-- What a vault lent by its account, else what it was worth by its last event.
vault AS (
    SELECT day, protocol, count(*) AS vaults_total, count(usd) AS vaults_known, count(read_usd) AS vaults_read,
        sum(usd) AS strategy_vaults_usd
    FROM (
        SELECT day, protocol, component_key,
            max(tvl_usd) FILTER (WHERE component = 'strategy_vault_spot') AS read_usd,
            coalesce(
                max(tvl_usd) FILTER (WHERE component = 'strategy_vault_spot'),
                max(tvl_usd) FILTER (WHERE component = 'strategy_vault')
            ) AS usd
        FROM perps.tvl_components_daily
        WHERE component IN ('strategy_vault', 'strategy_vault_spot')
        GROUP BY day, protocol, component_key
    ) AS one
    GROUP BY day, protocol
),
day AS (
    SELECT c.day, c.protocol, c.coverage, c.covered_fraction,
        coalesce(p.components_total, 0) AS components_total,
        coalesce(p.components_known, 0) AS components_known,
        coalesce(p.components_unpriced, 0) AS components_unpriced,
        coalesce(v.vaults_total, 0) AS vaults_total,
        coalesce(v.vaults_known, 0) AS vaults_known,
        coalesce(v.vaults_read, 0) AS vaults_read,
        p.components_total > 0 AND p.known >= least_known.value * p.components_total AS is_known,
        ledger.ratio(p.known, p.components_total, 6) AS known_fraction,
        p.tvl_usd, p.pool_usd, p.lending_usd, p.insurance_fund_usd, p.glv_usd, v.strategy_vaults_usd,
        p.origin
    FROM perps.coverage_daily AS c
    JOIN ledger.parameters AS least_known ON least_known.protocol = 'all' AND least_known.name = 'tvl_known_fraction'
    LEFT JOIN component AS p ON p.day = c.day AND p.protocol = c.protocol
    LEFT JOIN vault AS v ON v.day = c.day AND v.protocol = c.protocol
)
SELECT
    day,
    protocol,
    coverage,
    covered_fraction,
    CASE WHEN is_known THEN trim_scale(tvl_usd) END AS tvl_usd,
    CASE WHEN is_known THEN trim_scale(tvl_usd - coalesce(strategy_vaults_usd, 0)) END AS tvl_ex_vaults_usd,
    coalesce(known_fraction, 0) AS known_fraction,
    components_known,
    components_total,
    components_unpriced,
    origin,
    trim_scale(pool_usd) AS pool_usd,
    trim_scale(lending_usd) AS lending_usd,
    trim_scale(insurance_fund_usd) AS insurance_fund_usd,
    trim_scale(strategy_vaults_usd) AS strategy_vaults_usd,
    vaults_known,
    vaults_read,
    vaults_total,
    trim_scale(glv_usd) AS glv_usd
FROM day;

CREATE UNIQUE INDEX tvl_daily_key ON perps.tvl_daily (day, protocol);

COMMENT ON MATERIALIZED VIEW perps.tvl_daily IS 'TVL by UTC day and protocol: what its liquidity can use, each token the mean over the day''s known seconds.';
COMMENT ON COLUMN perps.tvl_daily.day IS 'UTC day.';
COMMENT ON COLUMN perps.tvl_daily.protocol IS 'drift, jupiter_perps or gmx_solana.';
COMMENT ON COLUMN perps.tvl_daily.coverage IS 'full, partial or none: how much of the day is settled.';
COMMENT ON COLUMN perps.tvl_daily.covered_fraction IS 'Part of the day''s seconds in which every slot is settled.';
COMMENT ON COLUMN perps.tvl_daily.tvl_usd IS 'Sum of the known components: Jupiter''s pool; GMX''s pools; Drift''s deposits less borrows and insurance fund. NULL where known_fraction is below a half.';
COMMENT ON COLUMN perps.tvl_daily.tvl_ex_vaults_usd IS 'tvl_usd less strategy_vaults_usd; tvl_usd where a protocol has none.';
COMMENT ON COLUMN perps.tvl_daily.known_fraction IS 'Part of the day in which a component is known, the mean over all components.';
COMMENT ON COLUMN perps.tvl_daily.components_known IS 'Components in the sum.';
COMMENT ON COLUMN perps.tvl_daily.components_total IS 'Components that the ledger was ever told of, on this day or another.';
COMMENT ON COLUMN perps.tvl_daily.components_unpriced IS 'Components with an amount and, at some time of the day, no price.';
COMMENT ON COLUMN perps.tvl_daily.origin IS 'Where the components'' values come from: event, account, recomputed, or mixed.';
COMMENT ON COLUMN perps.tvl_daily.pool_usd IS 'Of tvl_usd: pools (Jupiter, GMX).';
COMMENT ON COLUMN perps.tvl_daily.lending_usd IS 'Of tvl_usd: deposits less borrows (Drift).';
COMMENT ON COLUMN perps.tvl_daily.insurance_fund_usd IS 'Of tvl_usd: insurance fund (Drift).';
COMMENT ON COLUMN perps.tvl_daily.strategy_vaults_usd IS 'Beside tvl_usd, since vaults hold deposits: what Drift''s strategy vaults lent, by readings of their accounts; where there is none, what a vault was worth at its last deposit or withdrawal.';
COMMENT ON COLUMN perps.tvl_daily.vaults_known IS 'Strategy vaults in strategy_vaults_usd.';
COMMENT ON COLUMN perps.tvl_daily.vaults_read IS 'Of them: by readings of their accounts.';
COMMENT ON COLUMN perps.tvl_daily.vaults_total IS 'Strategy vaults that the ledger was ever told of.';
COMMENT ON COLUMN perps.tvl_daily.glv_usd IS 'Beside tvl_usd, since GLV holds GM: value of GLV vaults.';
