-- Of which cluster this ledger is.

CREATE VIEW perps.cluster AS
SELECT c.name, c.genesis_hash, c.claimed_at FROM ledger.cluster AS c;

COMMENT ON VIEW perps.cluster IS 'The Solana cluster that this ledger is of: one row, none before anything was indexed.';
COMMENT ON COLUMN perps.cluster.name IS 'What the settings call it.';
COMMENT ON COLUMN perps.cluster.genesis_hash IS 'Its genesis hash, base58: what decides which cluster it is.';
COMMENT ON COLUMN perps.cluster.claimed_at IS 'When the ledger was first used, UTC.';
