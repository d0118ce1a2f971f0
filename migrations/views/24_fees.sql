-- Fees that belong to no trade, swap or flow.

CREATE VIEW perps.fees AS
SELECT
    'fee' AS record,
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
    perps.base58(t.payer) AS payer,
    coalesce(m.symbol, t.market_key) AS market,
    t.market_key,
    m.base_asset AS base_asset,
    CASE WHEN t.market_key IS NOT NULL THEN m.market_key IS NOT NULL END AS market_known,
    t.fee_kind,
    trim_scale(t.value_usd_e6 * 0.000001) AS value_usd
FROM ledger.fees AS t
LEFT JOIN ledger.markets AS m ON m.protocol = t.protocol AND m.market_key = t.market_key;

COMMENT ON VIEW perps.fees IS 'Fees that belong to no trade, swap or flow.';
COMMENT ON COLUMN perps.fees.record IS 'The kind of the row.';
COMMENT ON COLUMN perps.fees.protocol IS 'drift, jupiter_perps or gmx_solana.';
COMMENT ON COLUMN perps.fees.program_id IS 'The program that emitted the event, base58.';
COMMENT ON COLUMN perps.fees.slot IS 'Slot of the transaction.';
COMMENT ON COLUMN perps.fees.signature IS 'Signature of the transaction, base58; of a row read from an account the account''s key.';
COMMENT ON COLUMN perps.fees.channel IS 'Where the payload stood: log, cpi (an instruction to the program itself) or account.';
COMMENT ON COLUMN perps.fees.index IS 'Raw position of the payload: line of the logs, or instruction of the flat list; -1: the transaction as a whole.';
COMMENT ON COLUMN perps.fees.part IS '0, 1, 2 ... where one payload gives several rows of one kind.';
COMMENT ON COLUMN perps.fees.tx_index IS 'Position of the transaction in its block; NULL while provisional.';
COMMENT ON COLUMN perps.fees.block_time IS 'Time of the block, UTC; of a provisional row the time of the event where the block gave none.';
COMMENT ON COLUMN perps.fees.event IS 'The program''s name for the event.';
COMMENT ON COLUMN perps.fees.settled IS 'False while only a confirmed, not a finalized, read has seen it.';
COMMENT ON COLUMN perps.fees.decoder_version IS 'Version of the decoder that made the row.';
COMMENT ON COLUMN perps.fees.payer IS 'Who paid, base58.';
COMMENT ON COLUMN perps.fees.market IS 'Symbol of the market; its key where the market is unknown.';
COMMENT ON COLUMN perps.fees.market_key IS 'The protocol''s own key of the market, as text.';
COMMENT ON COLUMN perps.fees.base_asset IS 'What is traded, the same word in all protocols; NULL where the market is unknown.';
COMMENT ON COLUMN perps.fees.market_known IS 'False where the market is not among the reference rows.';
COMMENT ON COLUMN perps.fees.fee_kind IS 'What for.';
COMMENT ON COLUMN perps.fees.value_usd IS 'The fee in USD.';
