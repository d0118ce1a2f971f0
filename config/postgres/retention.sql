-- Let go of everything before a slot: rows, bytes, and the claim that they are there. For psql, while no daemon and no
-- backfill runs; :slot is rounded down to a border of partitions (6,480,000 slots, about 30 days):
--
--   psql "$DATABASE_URL" --variable=slot=388800000 --file=config/postgres/retention.sql
--
-- Afterwards the ledger is one that begins there. Days before it count as unknown, not as empty: export first what is to
-- stay (perps-indexer export). Of a day that the border cuts, and of what is held since before it, nothing is known
-- until it is told again. A backfill of these slots, or a start_slot below the border, brings everything back.

\set ON_ERROR_STOP on
BEGIN;
LOCK TABLE ledger.coverage, ledger.streams, ledger.claims IN ACCESS EXCLUSIVE MODE;

SELECT :slot::bigint / 6480000 * 6480000 AS border \gset
SELECT int8multirange(int8range(:border, NULL)) AS stays \gset

-- Somebody would write what is about to go.
DO $$
BEGIN
    IF EXISTS (SELECT FROM ledger.claims WHERE lease_until > now())
        OR EXISTS (SELECT FROM ledger.streams WHERE holder IS NOT NULL AND seen_at > now() - interval '15 s')
    THEN
        RAISE EXCEPTION 'a daemon or a backfill is at work: stop it first';
    END IF;
END $$;

UPDATE ledger.streams SET
    wanted_from = CASE WHEN wanted_from IS NOT NULL THEN greatest(wanted_from, :border) END,
    asked = asked * :'stays';
UPDATE ledger.coverage SET slots = slots * :'stays';
UPDATE ledger.unavailable SET slots = slots * :'stays';
DELETE FROM ledger.unavailable WHERE isempty(slots);
UPDATE ledger.reprocess_state SET wanted = wanted * :'stays';
DELETE FROM ledger.digests WHERE bucket < :border / 10000;
DELETE FROM ledger.digests_waiting WHERE bucket < :border / 10000;
DELETE FROM ledger.differences WHERE slot < :border;

SELECT format('DROP TABLE ledger.%I', part.relname)
FROM pg_class AS parent
JOIN pg_inherits AS i ON i.inhparent = parent.oid
JOIN pg_class AS part ON part.oid = i.inhrelid
WHERE parent.relnamespace = 'ledger'::regnamespace AND parent.relkind = 'p'
    AND substring(pg_get_expr(part.relpartbound, part.oid) FROM 'TO \(''?(\d+)')::bigint <= :border
ORDER BY part.relname \gexec
COMMIT;
