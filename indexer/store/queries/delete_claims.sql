DELETE FROM ledger.claims WHERE stream = ANY ($1) AND slots = $2 AND holder = $3
