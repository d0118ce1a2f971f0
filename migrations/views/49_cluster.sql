-- Which Solana cluster all of this is of: whoever shows figures says so where it is not mainnet-beta.

CREATE VIEW perps.cluster AS
SELECT name, genesis_hash FROM ledger.cluster;

COMMENT ON VIEW perps.cluster IS 'The Solana cluster that this ledger is of, one row; none before the first write.';
COMMENT ON COLUMN perps.cluster.name IS 'mainnet-beta; simulated for the data of a demo.';
COMMENT ON COLUMN perps.cluster.genesis_hash IS 'Base58; it decides what may enter.';
