-- Flows that are valued by a price told in an hour ($1) of a token ($2): those up to the next hour with a price, or as
-- long as a price counts.
SELECT DISTINCT date_trunc('hour', f.block_time, 'UTC') AS hour, f.protocol
FROM unnest($1::timestamptz[], $2::bytea[]) AS changed (hour, mint)
CROSS JOIN LATERAL (
    SELECT min(n.hour) AS hour FROM ledger.hourly_token_prices AS n
    WHERE n.mint = changed.mint AND n.hour > changed.hour
) AS next
JOIN ledger.parameters AS age ON age.protocol = 'all' AND age.name = 'price_max_age_s'
CROSS JOIN LATERAL (
    SELECT f.block_time, f.protocol FROM ledger.lp_flows AS f
    WHERE f.mint = changed.mint AND f.value_usd_e6 IS NULL AND f.venue IN ('drift_vault', 'drift_insurance')
        AND f.block_time >= changed.hour
        AND f.block_time < least(next.hour, changed.hour + age.value * interval '1 second') + interval '1 hour'
    OFFSET 0
) AS f
