-- The readers' schema. All views are made anew, in one transaction with everything else in this folder.
--
-- They go in the reverse order of their making, so that each goes before what it stands on. Views of others that stand
-- on ours are not dropped with them: PostgreSQL then refuses, and names them.

CREATE SCHEMA IF NOT EXISTS perps;
COMMENT ON SCHEMA perps IS 'What readers use: dollars, symbols, base58. Its version changes by semver; see perps.version.';

DO $$
DECLARE
    ours record;
BEGIN
    FOR ours IN
        SELECT oid::regclass::text AS name, CASE relkind WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'VIEW' END AS kind
        FROM pg_class
        WHERE relnamespace IN ('perps'::regnamespace, 'ledger'::regnamespace) AND relkind IN ('v', 'm')
        ORDER BY oid DESC
    LOOP
        EXECUTE format('DROP %s %s', ours.kind, ours.name);
    END LOOP;
END $$;
