SELECT pg_advisory_xact_lock(hashtextextended('ledger.proofs', 0))
