-- The readers' schema. All views are made anew, in one transaction with everything else in this folder.
--
-- Views of others that stand on ours are not dropped with them: PostgreSQL then refuses, and names them.

CREATE SCHEMA IF NOT EXISTS perps;
COMMENT ON SCHEMA perps IS 'What readers use: dollars, symbols, base58. Its version changes by semver; see perps.version.';

DO $$
DECLARE
    ours text;
BEGIN
    SELECT string_agg(oid::regclass::text, ', ') INTO ours FROM pg_class
    WHERE relnamespace = 'perps'::regnamespace AND relkind = 'v';
    IF ours IS NOT NULL THEN
        EXECUTE 'DROP VIEW ' || ours;
    END IF;
END $$;
