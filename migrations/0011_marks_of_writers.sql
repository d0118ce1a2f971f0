-- Marks are of the session that makes them: of one mark for all, every writer of an hour would wait for the writer before
-- it to commit, the newest slots for a backfill of the same day.

ALTER TABLE ledger.dirty_hours
    ADD COLUMN writer integer NOT NULL DEFAULT pg_backend_pid(),
    DROP CONSTRAINT dirty_hours_pkey,
    ADD PRIMARY KEY (hour, protocol, market_key, writer);
ALTER TABLE ledger.dirty_days
    ADD COLUMN writer integer NOT NULL DEFAULT pg_backend_pid(),
    DROP CONSTRAINT dirty_days_pkey,
    ADD PRIMARY KEY (day, protocol, writer);
ALTER TABLE ledger.dirty_prices
    ADD COLUMN writer integer NOT NULL DEFAULT pg_backend_pid(),
    DROP CONSTRAINT dirty_prices_pkey,
    ADD PRIMARY KEY (hour, protocol, mint, writer);
ALTER TABLE ledger.dirty_amounts
    ADD COLUMN writer integer NOT NULL DEFAULT pg_backend_pid(),
    DROP CONSTRAINT dirty_amounts_pkey,
    ADD PRIMARY KEY (hour, protocol, component, component_key, holding, writer);
ALTER TABLE ledger.dirty_owners
    ADD COLUMN writer integer NOT NULL DEFAULT pg_backend_pid(),
    DROP CONSTRAINT dirty_owners_pkey,
    ADD PRIMARY KEY (protocol, action_key, writer);
COMMENT ON COLUMN ledger.dirty_hours.writer IS 'Process of the session that marked it.';
COMMENT ON COLUMN ledger.dirty_days.writer IS 'Process of the session that marked it.';
COMMENT ON COLUMN ledger.dirty_prices.writer IS 'Process of the session that marked it.';
COMMENT ON COLUMN ledger.dirty_amounts.writer IS 'Process of the session that marked it.';
COMMENT ON COLUMN ledger.dirty_owners.writer IS 'Process of the session that marked it.';

CREATE OR REPLACE FUNCTION ledger.mark_all() RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO ledger.dirty_hours AS d (hour, protocol, market_key)
    SELECT hour, protocol, market_key FROM ledger.hourly_trades
    UNION SELECT hour, protocol, market_key FROM ledger.hourly_swaps
    UNION SELECT hour, protocol, '' FROM ledger.hourly_lp_flows
    UNION SELECT hour, protocol, market_key FROM ledger.hourly_fees
    UNION SELECT hour, protocol, market_key FROM ledger.hourly_liquidations
    ON CONFLICT (hour, protocol, market_key, writer) DO UPDATE SET marked_at = now();

    INSERT INTO ledger.dirty_days (day, protocol)
    SELECT day, protocol FROM ledger.active_days
    ON CONFLICT (day, protocol, writer) DO UPDATE SET marked_at = now();

    INSERT INTO ledger.dirty_amounts (hour, protocol, component, component_key, holding)
    SELECT hour, protocol, component, component_key, holding FROM ledger.hourly_observations
    ON CONFLICT (hour, protocol, component, component_key, holding, writer) DO UPDATE SET marked_at = now();
$$;
