UPDATE ledger.reference_state SET version = version + 1
