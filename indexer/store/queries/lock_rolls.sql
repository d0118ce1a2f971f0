SELECT pg_advisory_xact_lock(hashtextextended('ledger.rolls', 0))
