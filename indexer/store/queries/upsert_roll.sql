-- The run that this transaction is.
INSERT INTO ledger.rolls (name, rolled_at, took_ms, marks)
VALUES ($1, now(), 1000 * extract(epoch FROM clock_timestamp() - now()), $2)
ON CONFLICT (name) DO UPDATE SET rolled_at = excluded.rolled_at, took_ms = excluded.took_ms, marks = excluded.marks
