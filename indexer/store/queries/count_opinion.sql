INSERT INTO ledger.second_opinions AS o (endpoint, protocol, slots, rows, differing) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (endpoint, protocol) DO UPDATE
SET slots = o.slots + excluded.slots, rows = o.rows + excluded.rows, differing = o.differing + excluded.differing,
    asked_at = now()
