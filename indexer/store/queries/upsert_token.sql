INSERT INTO ledger.tokens (mint, symbol, decimals, is_synthetic, is_inferred) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (mint) DO UPDATE SET
    symbol = excluded.symbol,
    decimals = excluded.decimals,
    is_synthetic = excluded.is_synthetic,
    is_inferred = excluded.is_inferred
