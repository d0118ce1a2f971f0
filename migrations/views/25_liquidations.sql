-- What liquidations were, beyond their fills.

CREATE VIEW perps.liquidations AS
SELECT
    'liquidation' AS record,
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
    t.liquidation_kind,
    perps.base58(t.trader) AS trader,
    perps.base58(t.liquidator) AS liquidator,
    coalesce(m.symbol, t.market_key) AS market,
    t.market_key,
    m.base_asset AS base_asset,
    CASE WHEN t.market_key IS NOT NULL THEN m.market_key IS NOT NULL END AS market_known,
    trim_scale(t.value_usd_e6 * 0.000001) AS value_usd,
    trim_scale(t.insurance_fee_usd_e6 * 0.000001) AS insurance_fee_usd,
    trim_scale(t.insurance_fee_amount) AS insurance_fee_amount,
    trim_scale(t.socialised_loss_usd_e6 * 0.000001) AS socialised_loss_usd,
    trim_scale(t.socialised_loss_amount) AS socialised_loss_amount,
    trim_scale(t.sequence) AS sequence
FROM ledger.liquidations AS t
LEFT JOIN ledger.markets AS m ON m.protocol = t.protocol AND m.market_key = t.market_key;

COMMENT ON VIEW perps.liquidations IS 'What liquidations were, beyond their fills.';
COMMENT ON COLUMN perps.liquidations.record IS 'The kind of the row.';
COMMENT ON COLUMN perps.liquidations.protocol IS 'drift, jupiter_perps or gmx_solana.';
COMMENT ON COLUMN perps.liquidations.program_id IS 'The program that emitted the event, base58.';
COMMENT ON COLUMN perps.liquidations.slot IS 'Slot of the transaction.';
COMMENT ON COLUMN perps.liquidations.signature IS 'Signature of the transaction, base58; of a row read from an account the account''s key.';
COMMENT ON COLUMN perps.liquidations.channel IS 'Where the payload stood: log, cpi (an instruction to the program itself) or account.';
COMMENT ON COLUMN perps.liquidations.index IS 'Raw position of the payload: line of the logs, or instruction of the flat list; -1: the transaction as a whole.';
COMMENT ON COLUMN perps.liquidations.part IS '0, 1, 2 ... where one payload gives several rows of one kind.';
COMMENT ON COLUMN perps.liquidations.tx_index IS 'Position of the transaction in its block; NULL while provisional.';
COMMENT ON COLUMN perps.liquidations.block_time IS 'Time of the block, UTC; of a provisional row the time of the event where the block gave none.';
COMMENT ON COLUMN perps.liquidations.event IS 'The program''s name for the event.';
COMMENT ON COLUMN perps.liquidations.settled IS 'False while only a confirmed, not a finalized, read has seen it.';
COMMENT ON COLUMN perps.liquidations.decoder_version IS 'Version of the decoder that made the row.';
COMMENT ON COLUMN perps.liquidations.liquidation_kind IS 'perp, spot, borrow_for_perp_pnl, perp_pnl_for_deposit, perp_bankruptcy or spot_bankruptcy.';
COMMENT ON COLUMN perps.liquidations.trader IS 'Who was liquidated, base58.';
COMMENT ON COLUMN perps.liquidations.liquidator IS 'Who liquidated, base58; NULL where a keeper did.';
COMMENT ON COLUMN perps.liquidations.market IS 'Symbol of the market; its key where the market is unknown.';
COMMENT ON COLUMN perps.liquidations.market_key IS 'The protocol''s own key of the market, as text.';
COMMENT ON COLUMN perps.liquidations.base_asset IS 'What is traded, the same word in all protocols; NULL where the market is unknown.';
COMMENT ON COLUMN perps.liquidations.market_known IS 'False where the market is not among the reference rows.';
COMMENT ON COLUMN perps.liquidations.value_usd IS 'Value liquidated, USD.';
COMMENT ON COLUMN perps.liquidations.insurance_fee_usd IS 'To the insurance fund, USD.';
COMMENT ON COLUMN perps.liquidations.insurance_fee_amount IS 'The same in tokens, where the event has no price.';
COMMENT ON COLUMN perps.liquidations.socialised_loss_usd IS 'Loss borne by all, USD.';
COMMENT ON COLUMN perps.liquidations.socialised_loss_amount IS 'The same in tokens, where the event has no price.';
COMMENT ON COLUMN perps.liquidations.sequence IS 'Drift: the counter of the fill that belongs to it.';
