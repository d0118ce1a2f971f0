INSERT INTO ledger.markets AS m
    (protocol, market_key, market_kind, symbol, base_asset, base_decimals, mint, index_mint, long_mint, short_mint,
     pool_id, max_leverage, symbol_since_slot)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
ON CONFLICT (protocol, market_key) DO UPDATE SET
    market_kind = excluded.market_kind,
    symbol = excluded.symbol,
    base_asset = excluded.base_asset,
    base_decimals = excluded.base_decimals,
    mint = excluded.mint,
    index_mint = excluded.index_mint,
    long_mint = excluded.long_mint,
    short_mint = excluded.short_mint,
    pool_id = excluded.pool_id,
    max_leverage = excluded.max_leverage,
    symbol_since_slot = excluded.symbol_since_slot
