INSERT INTO ledger.slot_times AS s (slot, time) VALUES ($1, $2)
ON CONFLICT (slot) DO UPDATE SET time = excluded.time WHERE s.time <> excluded.time
