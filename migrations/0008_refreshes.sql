-- Who keeps the aggregates true, when they last were, and which numbers they are computed with.

-- One row for each kind of work: the last time it was done, and the last time it failed.
CREATE TABLE ledger.rolls (
    name       text         PRIMARY KEY CHECK (name IN ('hours', 'days', 'holdings')),
    rolled_at  timestamptz,
    took_ms    integer,
    marks      bigint,
    failed_at  timestamptz,
    error      text
);
COMMENT ON TABLE ledger.rolls IS 'The last run of each kind of recomputing.';
COMMENT ON COLUMN ledger.rolls.rolled_at IS 'When it began: what was committed before is in the aggregates, but for what is marked.';
COMMENT ON COLUMN ledger.rolls.marks IS 'How many marks it took.';
COMMENT ON COLUMN ledger.rolls.error IS 'Of the last failure.';

CREATE TABLE ledger.refreshes (
    id           bigint       GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    view         text         NOT NULL,
    started_at   timestamptz  NOT NULL,
    finished_at  timestamptz  NOT NULL,
    took_ms      integer      NOT NULL,
    error        text
);
COMMENT ON TABLE ledger.refreshes IS 'Refreshes of materialized views, the last hundred of each view.';
COMMENT ON COLUMN ledger.refreshes.error IS 'NULL: it succeeded.';
-- The last refreshes of a view.
CREATE INDEX refreshes_view ON ledger.refreshes (view, id);

-- Only an owner may refresh, and the writer is none; hence the owner's rights, and views of ours alone. The lock lets
-- one refresh run at a time, whoever asks. Readers of the view go on with what it was. Whole tables are read, unlike by
-- all else that the program's sessions do.
CREATE FUNCTION ledger.refresh_view(view text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET enable_seqscan = on SET work_mem = '64MB' AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM pg_class WHERE relnamespace = 'perps'::regnamespace AND relkind = 'm' AND relname = view
    ) THEN
        RAISE EXCEPTION 'perps.% is no materialized view', view USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('ledger.refresh_view', 0));
    EXECUTE format('REFRESH MATERIALIZED VIEW CONCURRENTLY perps.%I', view);
END $$;
COMMENT ON FUNCTION ledger.refresh_view IS 'Refresh a materialized view of schema perps; the writer may call it.';
REVOKE EXECUTE ON FUNCTION ledger.refresh_view FROM PUBLIC;

CREATE OR REPLACE FUNCTION ledger.grant_roles() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'perps_writer') THEN
        GRANT USAGE ON SCHEMA ledger, perps TO perps_writer;
        GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ledger TO perps_writer;
        REVOKE INSERT, UPDATE, DELETE ON ledger.migrations, ledger.view_files FROM perps_writer;
        GRANT USAGE ON ALL SEQUENCES IN SCHEMA ledger TO perps_writer;
        GRANT EXECUTE ON FUNCTION ledger.ensure_partitions, ledger.refresh_view TO perps_writer;
        GRANT SELECT ON ALL TABLES IN SCHEMA perps TO perps_writer;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'perps_reader') THEN
        GRANT USAGE ON SCHEMA perps TO perps_reader;
        GRANT SELECT ON ALL TABLES IN SCHEMA perps TO perps_reader;
    END IF;
END $$;

-- Parameters of all protocols.
INSERT INTO ledger.parameters (protocol, name, value) VALUES
    -- A price, or a value read or told as a whole, is unknown when it is older: seconds.
    ('all', 'price_max_age_s', 86400),
    -- The mean of a day is unknown below this part of its seconds.
    ('all', 'tvl_known_fraction', 0.5),
    -- A ratio over seven days is unknown with fewer full days.
    ('all', 'ratio_days', 5),
    -- Wash trading, our reading of a published rule for GMX-Solana: a trader's net volume of a day is at least
    -- `wash_turnover` times their largest collateral, and either buys and sells differ by at most `wash_imbalance` of
    -- the volume, or they traded `wash_positions` positions or more.
    ('all', 'wash_turnover', 20),
    ('all', 'wash_imbalance', 0.15),
    ('all', 'wash_positions', 8);

-- Everything that was rolled up is marked again; holdings follow from the hours in which they were told.
CREATE FUNCTION ledger.mark_all() RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO ledger.dirty_hours AS d (hour, protocol, market_key)
    SELECT hour, protocol, market_key FROM ledger.hourly_trades
    UNION SELECT hour, protocol, market_key FROM ledger.hourly_swaps
    UNION SELECT hour, protocol, '' FROM ledger.hourly_lp_flows
    UNION SELECT hour, protocol, market_key FROM ledger.hourly_fees
    UNION SELECT hour, protocol, market_key FROM ledger.hourly_liquidations
    ORDER BY hour, protocol, market_key
    ON CONFLICT (hour, protocol, market_key) DO UPDATE SET marked_at = now();

    INSERT INTO ledger.dirty_days (day, protocol)
    SELECT day, protocol FROM ledger.active_days ORDER BY day, protocol
    ON CONFLICT (day, protocol) DO UPDATE SET marked_at = now();

    INSERT INTO ledger.dirty_amounts (hour, protocol, component, component_key, holding)
    SELECT hour, protocol, component, component_key, holding FROM ledger.hourly_observations
    ORDER BY hour, protocol, component, component_key, holding
    ON CONFLICT (hour, protocol, component, component_key, holding) DO UPDATE SET marked_at = now();
$$;
COMMENT ON FUNCTION ledger.mark_all IS 'Mark every aggregate to be made again, as after a change of what they are computed with.';

-- With another parameter, every number may be another one.
CREATE FUNCTION ledger.parameters_changed() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM ledger.mark_all();
    RETURN NULL;
END $$;
COMMENT ON FUNCTION ledger.parameters_changed IS 'A change of a parameter marks every aggregate.';
CREATE TRIGGER parameters_changed AFTER INSERT OR UPDATE OR DELETE ON ledger.parameters
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.parameters_changed();
