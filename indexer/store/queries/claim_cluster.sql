INSERT INTO ledger.cluster (genesis_hash, name) VALUES ($1, $2) ON CONFLICT DO NOTHING
