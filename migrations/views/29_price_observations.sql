-- Prices of tokens or markets as events told them.

CREATE VIEW perps.price_observations AS
SELECT
    'price_observation' AS record,
    t.protocol,
    perps.base58(t.program_id) AS program_id,
    t.slot,
    perps.base58(t.signature) AS signature,
    t.channel,
    t.index,
    t.part,
    t.tx_index,
    t.block_time,
    t.event,
    t.settled,
    t.decoder_version,
    perps.base58(t.mint) AS mint,
    token.symbol AS symbol,
    coalesce(m.symbol, t.market_key) AS market,
    t.market_key,
    m.base_asset AS base_asset,
    CASE WHEN t.market_key IS NOT NULL THEN m.market_key IS NOT NULL END AS market_known,
    trim_scale(t.price_usd) AS price_usd,
    t.value_origin AS origin
FROM ledger.price_observations AS t
LEFT JOIN ledger.tokens AS token ON token.mint = t.mint
LEFT JOIN ledger.markets AS m ON m.protocol = t.protocol AND m.market_key = t.market_key;

COMMENT ON VIEW perps.price_observations IS 'Prices of tokens or markets as events told them.';
COMMENT ON COLUMN perps.price_observations.record IS 'The kind of the row.';
COMMENT ON COLUMN perps.price_observations.protocol IS 'drift, jupiter_perps or gmx_solana.';
COMMENT ON COLUMN perps.price_observations.program_id IS 'The program that emitted the event, base58.';
COMMENT ON COLUMN perps.price_observations.slot IS 'Slot of the transaction.';
COMMENT ON COLUMN perps.price_observations.signature IS 'Signature of the transaction, base58; of a row read from an account the account''s key.';
COMMENT ON COLUMN perps.price_observations.channel IS 'Where the payload stood: log, cpi (an instruction to the program itself) or account.';
COMMENT ON COLUMN perps.price_observations.index IS 'Raw position of the payload: line of the logs, or instruction of the flat list; -1: the transaction as a whole.';
COMMENT ON COLUMN perps.price_observations.part IS '0, 1, 2 ... where one payload gives several rows of one kind.';
COMMENT ON COLUMN perps.price_observations.tx_index IS 'Position of the transaction in its block; NULL while provisional.';
COMMENT ON COLUMN perps.price_observations.block_time IS 'Time of the block, UTC; of a provisional row the time of the event where the block gave none.';
COMMENT ON COLUMN perps.price_observations.event IS 'The program''s name for the event.';
COMMENT ON COLUMN perps.price_observations.settled IS 'False while only a confirmed, not a finalized, read has seen it.';
COMMENT ON COLUMN perps.price_observations.decoder_version IS 'Version of the decoder that made the row.';
COMMENT ON COLUMN perps.price_observations.mint IS 'The token, base58.';
COMMENT ON COLUMN perps.price_observations.symbol IS 'Symbol of the token; NULL where unknown.';
COMMENT ON COLUMN perps.price_observations.market IS 'Symbol of the market; its key where the market is unknown.';
COMMENT ON COLUMN perps.price_observations.market_key IS 'The protocol''s own key of the market, as text.';
COMMENT ON COLUMN perps.price_observations.base_asset IS 'What is traded, the same word in all protocols; NULL where the market is unknown.';
COMMENT ON COLUMN perps.price_observations.market_known IS 'False where the market is not among the reference rows.';
COMMENT ON COLUMN perps.price_observations.price_usd IS 'Price in USD.';
COMMENT ON COLUMN perps.price_observations.origin IS 'Which event or feed said so.';
