-- Rates are averaged, and each kind over the rows that tell it: how many do stands beside each sum.

ALTER TABLE ledger.hourly_funding_rates
    ADD COLUMN rates_long bigint NOT NULL DEFAULT 0,
    ADD COLUMN rates_short bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN ledger.hourly_funding_rates.rates IS 'Rows that tell a rate: readings of accounts come several times an hour.';
COMMENT ON COLUMN ledger.hourly_funding_rates.rates_long IS 'Rows that tell one of longs.';
COMMENT ON COLUMN ledger.hourly_funding_rates.rates_short IS 'Rows that tell one of shorts.';

INSERT INTO ledger.dirty_hours AS d (hour, protocol, market_key)
SELECT DISTINCT hour, protocol, market_key FROM ledger.hourly_funding_rates
ON CONFLICT (hour, protocol, market_key) DO UPDATE SET marked_at = d.marked_at;
