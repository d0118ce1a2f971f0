-- The life of requests that later rows refer to.

CREATE VIEW perps.actions AS
SELECT
    'action' AS record,
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
    perps.base58(t.action_key) AS action_key,
    t.action_kind,
    perps.base58(t.owner) AS owner,
    perps.base58(t.receiver) AS receiver,
    t.state,
    t.order_kind,
    coalesce(m.symbol, t.market_key) AS market,
    t.market_key,
    m.base_asset AS base_asset,
    CASE WHEN t.market_key IS NOT NULL THEN m.market_key IS NOT NULL END AS market_known
FROM ledger.actions AS t
LEFT JOIN ledger.markets AS m ON m.protocol = t.protocol AND m.market_key = t.market_key;

COMMENT ON VIEW perps.actions IS 'The life of requests that later rows refer to.';
COMMENT ON COLUMN perps.actions.record IS 'The kind of the row.';
COMMENT ON COLUMN perps.actions.protocol IS 'drift, jupiter_perps or gmx_solana.';
COMMENT ON COLUMN perps.actions.program_id IS 'The program that emitted the event, base58.';
COMMENT ON COLUMN perps.actions.slot IS 'Slot of the transaction.';
COMMENT ON COLUMN perps.actions.signature IS 'Signature of the transaction, base58; of a row read from an account the account''s key.';
COMMENT ON COLUMN perps.actions.channel IS 'Where the payload stood: log, cpi (an instruction to the program itself) or account.';
COMMENT ON COLUMN perps.actions.index IS 'Raw position of the payload: line of the logs, or instruction of the flat list; -1: the transaction as a whole.';
COMMENT ON COLUMN perps.actions.part IS '0, 1, 2 ... where one payload gives several rows of one kind.';
COMMENT ON COLUMN perps.actions.tx_index IS 'Position of the transaction in its block; NULL while provisional.';
COMMENT ON COLUMN perps.actions.block_time IS 'Time of the block, UTC; of a provisional row the time of the event where the block gave none.';
COMMENT ON COLUMN perps.actions.event IS 'The program''s name for the event.';
COMMENT ON COLUMN perps.actions.settled IS 'False while only a confirmed, not a finalized, read has seen it.';
COMMENT ON COLUMN perps.actions.decoder_version IS 'Version of the decoder that made the row.';
COMMENT ON COLUMN perps.actions.action_key IS 'The request that a keeper executed, base58.';
COMMENT ON COLUMN perps.actions.action_kind IS 'What was asked for: position_request (Jupiter); order, deposit, withdrawal, shift, glv_deposit, glv_withdrawal, glv_shift (GMX).';
COMMENT ON COLUMN perps.actions.owner IS 'Who asked, base58.';
COMMENT ON COLUMN perps.actions.receiver IS 'Who receives, base58.';
COMMENT ON COLUMN perps.actions.state IS 'What became of it: pending, completed or cancelled; closed where an old layout does not say which.';
COMMENT ON COLUMN perps.actions.order_kind IS 'Kind of the order.';
COMMENT ON COLUMN perps.actions.market IS 'Symbol of the market; its key where the market is unknown.';
COMMENT ON COLUMN perps.actions.market_key IS 'The protocol''s own key of the market, as text.';
COMMENT ON COLUMN perps.actions.base_asset IS 'What is traded, the same word in all protocols; NULL where the market is unknown.';
COMMENT ON COLUMN perps.actions.market_known IS 'False where the market is not among the reference rows.';
