"""What people see of the ledger. Reads the store only; writes nothing."""
