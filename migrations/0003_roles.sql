-- Who may do what: the owner runs migrations; `perps_writer` writes rows; `perps_reader` reads perps.* alone.
--
-- The roles belong to the whole server: another database may have made them, or is making them right now. An owner
-- who may not make roles is told, and goes on: an administrator can make them later and call ledger.grant_roles().

DO $$
DECLARE
    role text;
BEGIN
    FOREACH role IN ARRAY ARRAY['perps_writer', 'perps_reader'] LOOP
        CONTINUE WHEN EXISTS (SELECT FROM pg_roles WHERE rolname = role);
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN', role);
        EXCEPTION
            WHEN duplicate_object OR unique_violation THEN
                NULL;  -- Another database was faster.
            WHEN insufficient_privilege THEN
                RAISE NOTICE 'no role %: % may not create roles; create it and call ledger.grant_roles()', role, current_user;
        END;
    END LOOP;
END $$;

-- Give the roles that exist what they may have. Views are made anew by every version, so this runs after them.
CREATE FUNCTION ledger.grant_roles() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'perps_writer') THEN
        GRANT USAGE ON SCHEMA ledger, perps TO perps_writer;
        GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ledger TO perps_writer;
        REVOKE INSERT, UPDATE, DELETE ON ledger.migrations, ledger.view_files FROM perps_writer;
        GRANT USAGE ON ALL SEQUENCES IN SCHEMA ledger TO perps_writer;
        GRANT EXECUTE ON FUNCTION ledger.ensure_partitions TO perps_writer;
        GRANT SELECT ON ALL TABLES IN SCHEMA perps TO perps_writer;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'perps_reader') THEN
        GRANT USAGE ON SCHEMA perps TO perps_reader;
        GRANT SELECT ON ALL TABLES IN SCHEMA perps TO perps_reader;
    END IF;
END $$;
COMMENT ON FUNCTION ledger.grant_roles IS 'Give perps_writer and perps_reader their rights; safe to repeat.';
REVOKE EXECUTE ON FUNCTION ledger.grant_roles FROM PUBLIC;
