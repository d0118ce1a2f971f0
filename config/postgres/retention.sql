-- Let go of everything before a slot: rows, bytes, and the claim that they are there. What a daemon's `[retention] all_days`
-- does, by hand; for psql, while daemons and backfills go on. :slot is rounded down to a border of partitions (6,480,000
-- slots, about 30 days):
--
--   psql "$DATABASE_URL" --variable=slot=388800000 --file=config/postgres/retention.sql
--
-- Afterwards the ledger is one that begins there. Days before it count as unknown, not as empty: export first what is to
-- stay (perps-indexer export). Of a day that the border cuts, and of what is held since before it, nothing is known
-- until it is told again. A backfill of these slots brings everything back.

\set ON_ERROR_STOP on
SET lock_timeout = '60s';
SELECT :slot::bigint / 6480000 * 6480000 AS border \gset
SELECT ledger.forget_below(:border) AS is_let_go \gset
\if :is_let_go
\else
DO $$ BEGIN RAISE EXCEPTION 'somebody works on slots below the border, or is amid a long page: try again later'; END $$;
\endif

-- Statements of their own, one after the other: a partition is detached beside readers and writers. Broken off, they are
-- finished by running this file once more.
SELECT detach, "drop" FROM ledger.partitions_below(:border, false) \gexec
