-- What programs have numbered, as accounts tell it.

CREATE VIEW perps.counters AS
SELECT
    'counter' AS record,
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
    t.counter_kind,
    coalesce(m.symbol, t.market_key) AS market,
    t.market_key,
    m.base_asset AS base_asset,
    m.market_key IS NOT NULL AS market_known,
    t.value
FROM ledger.counters AS t
LEFT JOIN ledger.markets AS m ON m.protocol = t.protocol AND m.market_key = t.market_key;

COMMENT ON VIEW perps.counters IS 'How many of something a program has numbered up to a slot, as its account tells it.';
COMMENT ON COLUMN perps.counters.record IS 'The kind of the row.';
COMMENT ON COLUMN perps.counters.protocol IS 'drift, jupiter_perps or gmx_solana.';
COMMENT ON COLUMN perps.counters.program_id IS 'The program that the account belongs to, base58.';
COMMENT ON COLUMN perps.counters.slot IS 'Slot at whose end the account was so.';
COMMENT ON COLUMN perps.counters.signature IS 'The account''s key, base58.';
COMMENT ON COLUMN perps.counters.channel IS 'account.';
COMMENT ON COLUMN perps.counters.index IS '0.';
COMMENT ON COLUMN perps.counters.part IS '0, 1, 2 ... where one account tells several counters.';
COMMENT ON COLUMN perps.counters.tx_index IS 'NULL.';
COMMENT ON COLUMN perps.counters.block_time IS 'Time of the block, UTC.';
COMMENT ON COLUMN perps.counters.event IS 'The account''s name in the IDL.';
COMMENT ON COLUMN perps.counters.settled IS 'True: accounts are read at finalized.';
COMMENT ON COLUMN perps.counters.decoder_version IS 'Version of the decoder that made the row.';
COMMENT ON COLUMN perps.counters.counter_kind IS 'perp_fills, spot_fills, deposits, fundings or curves (Drift), trades (GMX-Solana).';
COMMENT ON COLUMN perps.counters.market IS 'Symbol of the market; its key where the market is unknown.';
COMMENT ON COLUMN perps.counters.market_key IS 'The protocol''s own key of the market, as text.';
COMMENT ON COLUMN perps.counters.base_asset IS 'What is traded, the same word in all protocols; NULL where the market is unknown.';
COMMENT ON COLUMN perps.counters.market_known IS 'False where the market is not among the reference rows.';
COMMENT ON COLUMN perps.counters.value IS 'Number of the last one; 0: there was none yet.';
