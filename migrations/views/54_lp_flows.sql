-- Liquidity in and out. A venue's sums use all its rows; what changes a protocol's TVL is only what is not internal: GLV
-- rows, shifts and vault deposits move what is counted elsewhere.

CREATE VIEW perps.lp_flows_hourly AS
SELECT
    f.hour,
    f.protocol,
    f.venue,
    f.venue_key,
    perps.base58(nullif(f.mint, '')) AS mint,
    t.symbol,
    f.flow,
    f.internal,
    ledger.dollars(f.value_e6) AS value_usd,
    trim_scale(f.amount) AS amount,
    trim_scale(f.lp_amount) AS lp_amount,
    trim_scale(f.lp_price_usd) AS lp_price_usd,
    ledger.dollars(f.fees_e6) AS fees_usd,
    ledger.dollars(f.vault_value_e6) AS vault_value_usd,
    f.flows,
    f.unvalued AS unvalued_flows,
    (
        SELECT ledger.ratio(coalesce(sum(extract(epoch FROM
            least(s.ends_at, f.hour + interval '1 hour') - greatest(s.starts_at, f.hour)
        )), 0), 3600, 6)
        FROM ledger.covered_spans AS s
        WHERE s.stream = f.protocol AND s.starts_at < s.ends_at
            AND s.starts_at < f.hour + interval '1 hour' AND s.ends_at > f.hour
    ) AS covered_fraction
FROM ledger.hourly_lp_flows AS f
LEFT JOIN ledger.tokens AS t ON t.mint = f.mint;

COMMENT ON VIEW perps.lp_flows_hourly IS 'Movements of liquidity by hour, venue and token, as last rolled up.';
COMMENT ON COLUMN perps.lp_flows_hourly.hour IS 'Start of the hour, UTC.';
COMMENT ON COLUMN perps.lp_flows_hourly.protocol IS 'drift, jupiter_perps or gmx_solana.';
COMMENT ON COLUMN perps.lp_flows_hourly.venue IS 'jlp, gm, glv, drift_lending, drift_insurance, drift_bal, drift_dlp or drift_vault.';
COMMENT ON COLUMN perps.lp_flows_hourly.venue_key IS 'Which pool, market, vault or spot market.';
COMMENT ON COLUMN perps.lp_flows_hourly.mint IS 'Token moved, base58; NULL where unknown.';
COMMENT ON COLUMN perps.lp_flows_hourly.symbol IS 'Symbol of the token; NULL where unknown.';
COMMENT ON COLUMN perps.lp_flows_hourly.flow IS 'deposit or withdraw.';
COMMENT ON COLUMN perps.lp_flows_hourly.internal IS 'True: does not change the protocol''s TVL.';
COMMENT ON COLUMN perps.lp_flows_hourly.value_usd IS 'Value, USD; deposits gross, withdrawals after fee. NULL where no flow has one.';
COMMENT ON COLUMN perps.lp_flows_hourly.amount IS 'Tokens.';
COMMENT ON COLUMN perps.lp_flows_hourly.lp_amount IS 'LP tokens or shares minted or burned.';
COMMENT ON COLUMN perps.lp_flows_hourly.lp_price_usd IS 'The newest price of the LP token that a flow of the hour told.';
COMMENT ON COLUMN perps.lp_flows_hourly.fees_usd IS 'Fees of the flows.';
COMMENT ON COLUMN perps.lp_flows_hourly.vault_value_usd IS 'Of value_usd: moved by strategy vaults for their depositors.';
COMMENT ON COLUMN perps.lp_flows_hourly.flows IS 'Rows.';
COMMENT ON COLUMN perps.lp_flows_hourly.unvalued_flows IS 'Rows without a value in USD.';
COMMENT ON COLUMN perps.lp_flows_hourly.covered_fraction IS 'Part of the hour''s seconds in which every slot is settled; below 1 the numbers are of what was seen.';

CREATE MATERIALIZED VIEW perps.lp_flows_daily AS
WITH flow AS (
    SELECT (hour AT TIME ZONE 'UTC')::date AS day, protocol, venue,
        sum(flows) FILTER (WHERE flow = 'deposit') AS deposits,
        sum(flows) FILTER (WHERE flow = 'withdraw') AS withdrawals,
        sum(flows) FILTER (WHERE flow = 'deposit' AND NOT internal) AS external_deposits,
        sum(flows) FILTER (WHERE flow = 'withdraw' AND NOT internal) AS external_withdrawals,
        sum(unvalued) AS unvalued,
        sum(value_e6) FILTER (WHERE flow = 'deposit') AS deposits_e6,
        sum(value_e6) FILTER (WHERE flow = 'withdraw') AS withdrawals_e6,
        sum(value_e6) FILTER (WHERE flow = 'deposit' AND NOT internal) AS external_deposits_e6,
        sum(value_e6) FILTER (WHERE flow = 'withdraw' AND NOT internal) AS external_withdrawals_e6,
        sum(fees_e6) AS fees_e6,
        sum(flows - without_fee) AS fee_rows
    FROM ledger.hourly_lp_flows
    GROUP BY 1, 2, 3
),
day AS (
    SELECT c.day, c.protocol, v.venue, c.coverage, c.covered_fraction,
        ledger.total(f.deposits, f.deposits_e6) AS deposits_e6,
        ledger.total(f.withdrawals, f.withdrawals_e6) AS withdrawals_e6,
        ledger.total(f.external_deposits, f.external_deposits_e6) AS external_deposits_e6,
        ledger.total(f.external_withdrawals, f.external_withdrawals_e6) AS external_withdrawals_e6,
        ledger.total(f.fee_rows, f.fees_e6) AS fees_e6,
        coalesce(f.deposits, 0)::bigint AS deposits,
        coalesce(f.withdrawals, 0)::bigint AS withdrawals,
        coalesce(f.unvalued, 0)::bigint AS unvalued
    FROM perps.coverage_daily AS c
    JOIN (SELECT DISTINCT protocol, venue FROM flow) AS v USING (protocol)
    LEFT JOIN flow AS f USING (day, protocol, venue)
),
known AS (  -- Of a day that nobody saw, nothing is known.
    SELECT * FROM day WHERE coverage <> 'none'
)
SELECT
    d.day,
    d.protocol,
    d.venue,
    d.coverage,
    d.covered_fraction,
    ledger.dollars(k.deposits_e6) AS deposits_usd,
    ledger.dollars(k.withdrawals_e6) AS withdrawals_usd,
    ledger.dollars(k.deposits_e6 - k.withdrawals_e6) AS net_flow_usd,
    ledger.dollars(k.external_deposits_e6) AS external_deposits_usd,
    ledger.dollars(k.external_withdrawals_e6) AS external_withdrawals_usd,
    ledger.dollars(k.external_deposits_e6 - k.external_withdrawals_e6) AS external_net_flow_usd,
    ledger.dollars(k.fees_e6) AS fees_usd,
    k.deposits,
    k.withdrawals,
    k.unvalued AS unvalued_flows
FROM day AS d
LEFT JOIN known AS k USING (day, protocol, venue);

CREATE UNIQUE INDEX lp_flows_daily_key ON perps.lp_flows_daily (day, protocol, venue);

COMMENT ON MATERIALIZED VIEW perps.lp_flows_daily IS 'Deposits and withdrawals of liquidity by UTC day and venue. Add the external columns for a protocol, never the others: venues contain each other.';
COMMENT ON COLUMN perps.lp_flows_daily.day IS 'UTC day of block time.';
COMMENT ON COLUMN perps.lp_flows_daily.protocol IS 'drift, jupiter_perps or gmx_solana.';
COMMENT ON COLUMN perps.lp_flows_daily.venue IS 'jlp, gm, glv, drift_lending, drift_insurance, drift_bal, drift_dlp or drift_vault.';
COMMENT ON COLUMN perps.lp_flows_daily.coverage IS 'full, partial (the numbers are of what was seen) or none.';
COMMENT ON COLUMN perps.lp_flows_daily.covered_fraction IS 'Part of the day''s seconds in which every slot is settled.';
COMMENT ON COLUMN perps.lp_flows_daily.deposits_usd IS 'What providers gave, before fees. NULL where there were deposits and none has a value.';
COMMENT ON COLUMN perps.lp_flows_daily.withdrawals_usd IS 'What providers got, after fees.';
COMMENT ON COLUMN perps.lp_flows_daily.net_flow_usd IS 'deposits_usd - withdrawals_usd.';
COMMENT ON COLUMN perps.lp_flows_daily.external_deposits_usd IS 'Of deposits_usd: what adds to the protocol''s TVL.';
COMMENT ON COLUMN perps.lp_flows_daily.external_withdrawals_usd IS 'Of withdrawals_usd: what takes from the protocol''s TVL.';
COMMENT ON COLUMN perps.lp_flows_daily.external_net_flow_usd IS 'external_deposits_usd - external_withdrawals_usd: may be added over venues.';
COMMENT ON COLUMN perps.lp_flows_daily.fees_usd IS 'Fees of the flows.';
COMMENT ON COLUMN perps.lp_flows_daily.deposits IS 'Deposits, one for each token.';
COMMENT ON COLUMN perps.lp_flows_daily.withdrawals IS 'Withdrawals, one for each token.';
COMMENT ON COLUMN perps.lp_flows_daily.unvalued_flows IS 'Flows without a value in USD: they are in no sum.';
