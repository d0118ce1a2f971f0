-- Funding and borrow rates.

CREATE VIEW perps.funding_rates AS
SELECT
    'funding_rate' AS record,
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
    coalesce(m.symbol, t.market_key) AS market,
    t.market_key,
    m.base_asset AS base_asset,
    m.market_key IS NOT NULL AS market_known,
    t.rate_kind,
    trim_scale(t.rate) AS rate,
    trim_scale(t.rate_long) AS rate_long,
    trim_scale(t.rate_short) AS rate_short,
    trim_scale(t.oracle_price_usd) AS oracle_price_usd,
    trim_scale(t.sequence) AS sequence
FROM ledger.funding_rates AS t
LEFT JOIN ledger.markets AS m ON m.protocol = t.protocol AND m.market_key = t.market_key;

COMMENT ON VIEW perps.funding_rates IS 'Funding and borrow rates.';
COMMENT ON COLUMN perps.funding_rates.record IS 'The kind of the row.';
COMMENT ON COLUMN perps.funding_rates.protocol IS 'drift, jupiter_perps or gmx_solana.';
COMMENT ON COLUMN perps.funding_rates.program_id IS 'The program that emitted the event, base58.';
COMMENT ON COLUMN perps.funding_rates.slot IS 'Slot of the transaction.';
COMMENT ON COLUMN perps.funding_rates.signature IS 'Signature of the transaction, base58; of a row read from an account the account''s key.';
COMMENT ON COLUMN perps.funding_rates.channel IS 'Where the payload stood: log, cpi (an instruction to the program itself) or account.';
COMMENT ON COLUMN perps.funding_rates.index IS 'Raw position of the payload: line of the logs, or instruction of the flat list; -1: the transaction as a whole.';
COMMENT ON COLUMN perps.funding_rates.part IS '0, 1, 2 ... where one payload gives several rows of one kind.';
COMMENT ON COLUMN perps.funding_rates.tx_index IS 'Position of the transaction in its block; NULL while provisional.';
COMMENT ON COLUMN perps.funding_rates.block_time IS 'Time of the block, UTC; of a provisional row the time of the event where the block gave none.';
COMMENT ON COLUMN perps.funding_rates.event IS 'The program''s name for the event.';
COMMENT ON COLUMN perps.funding_rates.settled IS 'False while only a confirmed, not a finalized, read has seen it.';
COMMENT ON COLUMN perps.funding_rates.decoder_version IS 'Version of the decoder that made the row.';
COMMENT ON COLUMN perps.funding_rates.market IS 'Symbol of the market; its key where the market is unknown.';
COMMENT ON COLUMN perps.funding_rates.market_key IS 'The protocol''s own key of the market, as text.';
COMMENT ON COLUMN perps.funding_rates.base_asset IS 'What is traded, the same word in all protocols; NULL where the market is unknown.';
COMMENT ON COLUMN perps.funding_rates.market_known IS 'False where the market is not among the reference rows.';
COMMENT ON COLUMN perps.funding_rates.rate_kind IS 'funding or borrow.';
COMMENT ON COLUMN perps.funding_rates.rate IS 'Fraction of the notional per hour; positive: longs pay.';
COMMENT ON COLUMN perps.funding_rates.rate_long IS 'The rate of longs, as rate.';
COMMENT ON COLUMN perps.funding_rates.rate_short IS 'The rate of shorts, as rate.';
COMMENT ON COLUMN perps.funding_rates.oracle_price_usd IS 'Oracle price in USD.';
COMMENT ON COLUMN perps.funding_rates.sequence IS 'The protocol''s own counter.';
