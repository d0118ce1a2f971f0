-- What markets and tokens are called and how they are scaled.

CREATE VIEW perps.markets AS
SELECT
    m.protocol,
    m.symbol AS market,
    m.market_key,
    m.market_kind,
    m.base_asset,
    m.base_decimals,
    perps.base58(m.mint) AS mint,
    perps.base58(m.index_mint) AS index_mint,
    perps.base58(m.long_mint) AS long_mint,
    perps.base58(m.short_mint) AS short_mint,
    m.pool_id,
    trim_scale(m.max_leverage) AS max_leverage,
    m.symbol_since_slot
FROM ledger.markets AS m;

COMMENT ON VIEW perps.markets IS 'Known markets.';
COMMENT ON COLUMN perps.markets.protocol IS 'drift, jupiter_perps or gmx_solana.';
COMMENT ON COLUMN perps.markets.market IS 'Symbol of the market.';
COMMENT ON COLUMN perps.markets.market_key IS 'The protocol''s own key of the market, as text.';
COMMENT ON COLUMN perps.markets.market_kind IS 'perp, spot, or custody (a Jupiter custody that nobody trades).';
COMMENT ON COLUMN perps.markets.base_asset IS 'What is traded, the same word in all protocols.';
COMMENT ON COLUMN perps.markets.base_decimals IS 'Decimals of the base amount; NULL where unknown.';
COMMENT ON COLUMN perps.markets.mint IS 'Token of a spot market or custody, base58.';
COMMENT ON COLUMN perps.markets.index_mint IS 'Token whose price is traded, base58.';
COMMENT ON COLUMN perps.markets.long_mint IS 'Token that backs longs, base58.';
COMMENT ON COLUMN perps.markets.short_mint IS 'Token that backs shorts, base58.';
COMMENT ON COLUMN perps.markets.pool_id IS 'The pool the market belongs to.';
COMMENT ON COLUMN perps.markets.max_leverage IS 'Largest leverage allowed; NULL where unknown.';
COMMENT ON COLUMN perps.markets.symbol_since_slot IS 'Slot from which the market was seen to be called so; NULL: as shipped.';

CREATE VIEW perps.market_names AS
SELECT
    n.protocol,
    n.market_key,
    n.symbol AS market,
    n.since_slot,
    lead(n.since_slot) OVER (PARTITION BY n.protocol, n.market_key ORDER BY n.since_slot) AS until_slot
FROM ledger.market_names AS n;

COMMENT ON VIEW perps.market_names IS 'Every name that a market had, each with the slots in which it held.';
COMMENT ON COLUMN perps.market_names.protocol IS 'drift, jupiter_perps or gmx_solana.';
COMMENT ON COLUMN perps.market_names.market_key IS 'The protocol''s own key of the market, as text.';
COMMENT ON COLUMN perps.market_names.market IS 'Symbol of the market.';
COMMENT ON COLUMN perps.market_names.since_slot IS 'Slot at which the name was first seen; 0: as shipped.';
COMMENT ON COLUMN perps.market_names.until_slot IS 'Slot at which another one was seen; NULL: it still holds.';

CREATE VIEW perps.tokens AS
SELECT
    perps.base58(t.mint) AS mint,
    t.symbol,
    t.decimals,
    t.is_synthetic,
    t.is_inferred
FROM ledger.tokens AS t;

COMMENT ON VIEW perps.tokens IS 'Known tokens.';
COMMENT ON COLUMN perps.tokens.mint IS 'The token, base58.';
COMMENT ON COLUMN perps.tokens.symbol IS 'Its symbol; NULL where unknown.';
COMMENT ON COLUMN perps.tokens.decimals IS 'Its decimals; NULL where unknown.';
COMMENT ON COLUMN perps.tokens.is_synthetic IS 'True: a price index, a key without a mint account.';
COMMENT ON COLUMN perps.tokens.is_inferred IS 'True: the decimals follow from the size of its prices; no source states them.';
