INSERT INTO ledger.rolls (name, failed_at, error) VALUES ($1, now(), $2)
ON CONFLICT (name) DO UPDATE SET failed_at = excluded.failed_at, error = excluded.error
