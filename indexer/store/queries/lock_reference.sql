-- One seed after another; and first wait for the writers that hold the version, so that a seed sees their rows.
SELECT version FROM ledger.reference_state FOR UPDATE
