-- The refresh that this transaction was; $2: its error.
INSERT INTO ledger.refreshes (view, started_at, finished_at, took_ms, error)
SELECT $1, now(), finished.at, 1000 * extract(epoch FROM finished.at - now()), $2
FROM clock_timestamp() AS finished (at)
