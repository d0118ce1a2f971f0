-- Ratios over seven days. Each uses exactly the days that are full, and known, in both terms, says how many they were, and
-- is NULL with fewer than five (ledger.parameters). Volume is counted per day, not per week.

CREATE VIEW ledger.protocols AS
SELECT * FROM (VALUES ('drift'), ('gmx_solana'), ('jupiter_perps')) AS name (protocol);
COMMENT ON VIEW ledger.protocols IS 'Protocols that are compared.';

CREATE MATERIALIZED VIEW perps.efficiency_daily AS
WITH day AS (
    SELECT v.day, v.protocol, v.volume_usd, t.tvl_usd, t.tvl_ex_vaults_usd, f.fees_usd,
        v.coverage = 'full' AND v.volume_usd IS NOT NULL AND t.tvl_ex_vaults_usd IS NOT NULL AS has_volume,
        v.coverage = 'full' AND f.fees_usd IS NOT NULL AND t.tvl_usd IS NOT NULL AS has_fees
    FROM perps.volume_daily AS v
    JOIN perps.tvl_daily AS t USING (day, protocol)
    JOIN perps.fees_daily AS f USING (day, protocol)
),
week AS (
    SELECT day, protocol,
        count(*) FILTER (WHERE has_volume) OVER last7 AS days,
        sum(volume_usd) FILTER (WHERE has_volume) OVER last7 AS volume_usd,
        sum(tvl_ex_vaults_usd) FILTER (WHERE has_volume) OVER last7 AS tvl_ex_vaults_usd,
        count(*) FILTER (WHERE has_fees) OVER last7 AS fee_days,
        sum(fees_usd) FILTER (WHERE has_fees) OVER last7 AS fees_usd,
        sum(tvl_usd) FILTER (WHERE has_fees) OVER last7 AS tvl_usd
    FROM day
    WINDOW last7 AS (PARTITION BY protocol ORDER BY day RANGE BETWEEN interval '6 days' PRECEDING AND CURRENT ROW)
)
SELECT
    w.day,
    w.protocol,
    w.days,
    ledger.ratio(w.volume_usd, w.days, 6) AS mean_volume_usd,
    ledger.ratio(w.tvl_ex_vaults_usd, w.days, 6) AS mean_tvl_ex_vaults_usd,
    CASE WHEN w.days >= least_days.value THEN ledger.ratio(w.volume_usd, w.tvl_ex_vaults_usd, 9) END AS capital_efficiency,
    w.fee_days,
    ledger.ratio(w.fees_usd, w.fee_days, 6) AS mean_fees_usd,
    ledger.ratio(w.tvl_usd, w.fee_days, 6) AS mean_tvl_usd,
    CASE WHEN w.fee_days >= least_days.value THEN ledger.ratio(w.fees_usd, w.tvl_usd, 9) END AS fee_yield
FROM week AS w
JOIN ledger.parameters AS least_days ON least_days.protocol = 'all' AND least_days.name = 'ratio_days';

CREATE UNIQUE INDEX efficiency_daily_key ON perps.efficiency_daily (day, protocol);

COMMENT ON MATERIALIZED VIEW perps.efficiency_daily IS 'Capital efficiency and fee yield of the seven days that end with the day.';
COMMENT ON COLUMN perps.efficiency_daily.day IS 'Last of the seven UTC days.';
COMMENT ON COLUMN perps.efficiency_daily.protocol IS 'drift, jupiter_perps or gmx_solana.';
COMMENT ON COLUMN perps.efficiency_daily.days IS 'Days of the seven that are full in volume and TVL.';
COMMENT ON COLUMN perps.efficiency_daily.mean_volume_usd IS 'Mean daily net volume over these days.';
COMMENT ON COLUMN perps.efficiency_daily.mean_tvl_ex_vaults_usd IS 'Mean daily TVL over these days, without Drift''s strategy vaults.';
COMMENT ON COLUMN perps.efficiency_daily.capital_efficiency IS 'mean_volume_usd / mean_tvl_ex_vaults_usd: above 1 the liquidity turns over daily. NULL below five days.';
COMMENT ON COLUMN perps.efficiency_daily.fee_days IS 'Days of the seven that are full in fees and TVL.';
COMMENT ON COLUMN perps.efficiency_daily.mean_fees_usd IS 'Mean daily fees over the fee_days.';
COMMENT ON COLUMN perps.efficiency_daily.mean_tvl_usd IS 'Mean daily TVL over the fee_days.';
COMMENT ON COLUMN perps.efficiency_daily.fee_yield IS 'mean_fees_usd / mean_tvl_usd, per day. NULL below five days.';

CREATE MATERIALIZED VIEW perps.market_share_7d AS
WITH of_all AS (
    SELECT day,
        count(*) FILTER (WHERE coverage = 'full' AND volume_usd IS NOT NULL)
            = (SELECT count(*) FROM ledger.protocols) AS is_full,
        sum(volume_usd) AS volume_usd
    FROM perps.volume_daily
    WHERE protocol IN (SELECT protocol FROM ledger.protocols)
    GROUP BY day
),
week AS (
    SELECT a.day, p.protocol,
        count(*) FILTER (WHERE a.is_full) OVER last7 AS days,
        sum(v.volume_usd) FILTER (WHERE a.is_full) OVER last7 AS volume_usd,
        sum(a.volume_usd) FILTER (WHERE a.is_full) OVER last7 AS all_volume_usd
    FROM of_all AS a
    CROSS JOIN ledger.protocols AS p
    LEFT JOIN perps.volume_daily AS v ON v.day = a.day AND v.protocol = p.protocol
    WINDOW last7 AS (PARTITION BY p.protocol ORDER BY a.day RANGE BETWEEN interval '6 days' PRECEDING AND CURRENT ROW)
)
SELECT
    w.day,
    w.protocol,
    w.days,
    trim_scale(w.volume_usd) AS volume_usd,
    trim_scale(w.all_volume_usd) AS all_volume_usd,
    CASE WHEN w.days >= least_days.value THEN ledger.ratio(w.volume_usd, w.all_volume_usd, 9) END AS market_share
FROM week AS w
JOIN ledger.parameters AS least_days ON least_days.protocol = 'all' AND least_days.name = 'ratio_days';

CREATE UNIQUE INDEX market_share_7d_key ON perps.market_share_7d (day, protocol);

COMMENT ON MATERIALIZED VIEW perps.market_share_7d IS 'Each protocol''s part of the net volume of all three, over the seven days that end with the day.';
COMMENT ON COLUMN perps.market_share_7d.day IS 'Last of the seven UTC days.';
COMMENT ON COLUMN perps.market_share_7d.protocol IS 'drift, jupiter_perps or gmx_solana.';
COMMENT ON COLUMN perps.market_share_7d.days IS 'Days of the seven that are full in all three protocols; only these count.';
COMMENT ON COLUMN perps.market_share_7d.volume_usd IS 'Net volume of the protocol on these days.';
COMMENT ON COLUMN perps.market_share_7d.all_volume_usd IS 'Net volume of all three on these days.';
COMMENT ON COLUMN perps.market_share_7d.market_share IS 'volume_usd / all_volume_usd. NULL below five days.';

CREATE MATERIALIZED VIEW perps.lp_yield_daily AS
WITH pool AS (
    SELECT DISTINCT protocol, venue, venue_key, lp_mint
    FROM ledger.hourly_lp_flows
    WHERE venue IN ('jlp', 'gm', 'glv') AND lp_mint IS NOT NULL
),
market_fee AS (
    SELECT (hour AT TIME ZONE 'UTC')::date AS day, protocol, market_key,
        sum(trades) AS rows, sum(lp_fees_e6) AS lp_e6
    FROM ledger.hourly_trades
    GROUP BY 1, 2, 3
),
day AS (
    SELECT c.day, p.protocol, p.venue, p.venue_key, p.lp_mint, told.price_usd, t.tvl_usd,
        CASE p.venue WHEN 'jlp' THEN f.lp_fees_usd WHEN 'gm' THEN ledger.dollars(ledger.total(m.rows, m.lp_e6)) END
            AS lp_fees_usd,
        c.coverage
    FROM pool AS p
    JOIN perps.coverage_daily AS c USING (protocol)
    LEFT JOIN perps.fees_daily AS f USING (day, protocol)
    LEFT JOIN market_fee AS m ON m.day = c.day AND m.protocol = p.protocol AND m.market_key = p.venue_key
    LEFT JOIN perps.tvl_components_daily AS t
        ON t.day = c.day AND t.protocol = p.protocol AND t.component_key = p.venue_key
        AND t.component = CASE p.venue WHEN 'glv' THEN 'glv' ELSE 'pool' END
    LEFT JOIN LATERAL (
        SELECT price_usd
        FROM (
            SELECT r.hour, 1 AS rank, r.close AS price_usd FROM ledger.hourly_token_prices AS r
            WHERE r.mint = p.lp_mint
            UNION ALL
            SELECT r.hour, 2, r.lp_price_usd FROM ledger.hourly_lp_flows AS r
            WHERE r.lp_mint = p.lp_mint AND r.lp_price_usd IS NOT NULL
                AND r.protocol = p.protocol AND r.venue = p.venue AND r.venue_key = p.venue_key
        ) AS price
        CROSS JOIN ledger.parameters AS age
        WHERE age.protocol = 'all' AND age.name = 'price_max_age_s'
            AND price.hour < (c.day + 1)::timestamp AT TIME ZONE 'UTC'
            AND price.hour >= (c.day + 1)::timestamp AT TIME ZONE 'UTC' - age.value * interval '1 second'
        ORDER BY price.hour DESC, price.rank, price.price_usd DESC
        LIMIT 1
    ) AS told ON true
),
marked AS (
    SELECT *, coverage = 'full' AND lp_fees_usd IS NOT NULL AND tvl_usd IS NOT NULL AS is_full FROM day
),
week AS (
    SELECT *,
        count(*) FILTER (WHERE is_full) OVER last7 AS days,
        sum(lp_fees_usd) FILTER (WHERE is_full) OVER last7 AS lp_fees_7d,
        sum(tvl_usd) FILTER (WHERE is_full) OVER last7 AS tvl_7d
    FROM marked
    WINDOW last7 AS (
        PARTITION BY protocol, venue, venue_key, lp_mint
        ORDER BY day RANGE BETWEEN interval '6 days' PRECEDING AND CURRENT ROW
    )
)
SELECT
    w.day,
    w.protocol,
    w.venue,
    w.venue_key,
    coalesce(m.symbol, token.symbol, w.venue_key) AS name,
    perps.base58(w.lp_mint) AS lp_mint,
    trim_scale(w.price_usd) AS lp_price_usd,
    ledger.ratio(w.price_usd - week_ago.price_usd, week_ago.price_usd, 9) AS price_return_7d,
    ledger.ratio(w.price_usd - month_ago.price_usd, month_ago.price_usd, 9) AS price_return_30d,
    ledger.ratio(365 * (w.price_usd - week_ago.price_usd), 7 * week_ago.price_usd, 9) AS price_return_7d_annual,
    ledger.ratio(365 * (w.price_usd - month_ago.price_usd), 30 * month_ago.price_usd, 9) AS price_return_30d_annual,
    w.days,
    ledger.ratio(w.lp_fees_7d, w.days, 6) AS mean_lp_fees_usd,
    ledger.ratio(w.tvl_7d, w.days, 6) AS mean_tvl_usd,
    CASE WHEN w.days >= least_days.value THEN ledger.ratio(365 * w.lp_fees_7d, w.tvl_7d, 9) END AS fee_yield_annual
FROM week AS w
JOIN ledger.parameters AS least_days ON least_days.protocol = 'all' AND least_days.name = 'ratio_days'
LEFT JOIN day AS week_ago
    ON week_ago.protocol = w.protocol AND week_ago.venue = w.venue AND week_ago.venue_key = w.venue_key
    AND week_ago.lp_mint = w.lp_mint AND week_ago.day = w.day - 7
LEFT JOIN day AS month_ago
    ON month_ago.protocol = w.protocol AND month_ago.venue = w.venue AND month_ago.venue_key = w.venue_key
    AND month_ago.lp_mint = w.lp_mint AND month_ago.day = w.day - 30
LEFT JOIN ledger.markets AS m ON m.protocol = w.protocol AND m.market_key = w.venue_key
LEFT JOIN ledger.tokens AS token ON token.mint = w.lp_mint;

CREATE UNIQUE INDEX lp_yield_daily_key ON perps.lp_yield_daily (day, protocol, venue, venue_key, lp_mint);

COMMENT ON MATERIALIZED VIEW perps.lp_yield_daily IS 'What providing liquidity earned: the fee share over the seven days that end with the day, and the return of the LP token''s price. JLP, GM and GLV; Drift has no LP token whose events tell it.';
COMMENT ON COLUMN perps.lp_yield_daily.day IS 'UTC day.';
COMMENT ON COLUMN perps.lp_yield_daily.protocol IS 'jupiter_perps or gmx_solana.';
COMMENT ON COLUMN perps.lp_yield_daily.venue IS 'jlp, gm or glv.';
COMMENT ON COLUMN perps.lp_yield_daily.venue_key IS 'Which pool, market or vault.';
COMMENT ON COLUMN perps.lp_yield_daily.name IS 'Symbol of the market or of the LP token; the key where neither is known.';
COMMENT ON COLUMN perps.lp_yield_daily.lp_mint IS 'The LP token, base58.';
COMMENT ON COLUMN perps.lp_yield_daily.lp_price_usd IS 'Its last price of the day, not from an hour more than a day before the day''s end.';
COMMENT ON COLUMN perps.lp_yield_daily.price_return_7d IS 'lp_price_usd over that of seven days earlier, less 1.';
COMMENT ON COLUMN perps.lp_yield_daily.price_return_30d IS 'lp_price_usd over that of thirty days earlier, less 1.';
COMMENT ON COLUMN perps.lp_yield_daily.price_return_7d_annual IS 'price_return_7d x 365 / 7.';
COMMENT ON COLUMN perps.lp_yield_daily.price_return_30d_annual IS 'price_return_30d x 365 / 30.';
COMMENT ON COLUMN perps.lp_yield_daily.days IS 'Days of the seven that are full in fees and TVL.';
COMMENT ON COLUMN perps.lp_yield_daily.mean_lp_fees_usd IS 'Mean daily share of fees over these days: JLP the pool''s of all fees, GM the pool''s of its market''s fills. NULL for GLV, which holds GM.';
COMMENT ON COLUMN perps.lp_yield_daily.mean_tvl_usd IS 'Mean daily TVL over these days.';
COMMENT ON COLUMN perps.lp_yield_daily.fee_yield_annual IS 'mean_lp_fees_usd / mean_tvl_usd x 365. NULL below five days.';
