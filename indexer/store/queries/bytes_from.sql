-- The first slot whose bytes are kept.
SELECT coalesce(max(border), 0) FROM ledger.retention
