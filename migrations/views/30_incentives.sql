-- Points and tokens given for use.

CREATE VIEW perps.incentives AS
SELECT
    'incentive' AS record,
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
    t.incentive_kind,
    perps.base58(t.account) AS account,
    trim_scale(t.amount) AS amount,
    trim_scale(t.supply_after) AS supply_after
FROM ledger.incentives AS t;

COMMENT ON VIEW perps.incentives IS 'Points and tokens given for use.';
COMMENT ON COLUMN perps.incentives.record IS 'The kind of the row.';
COMMENT ON COLUMN perps.incentives.protocol IS 'drift, jupiter_perps or gmx_solana.';
COMMENT ON COLUMN perps.incentives.program_id IS 'The program that emitted the event, base58.';
COMMENT ON COLUMN perps.incentives.slot IS 'Slot of the transaction.';
COMMENT ON COLUMN perps.incentives.signature IS 'Signature of the transaction, base58; of a row read from an account the account''s key.';
COMMENT ON COLUMN perps.incentives.channel IS 'Where the payload stood: log, cpi (an instruction to the program itself) or account.';
COMMENT ON COLUMN perps.incentives.index IS 'Raw position of the payload: line of the logs, or instruction of the flat list; -1: the transaction as a whole.';
COMMENT ON COLUMN perps.incentives.part IS '0, 1, 2 ... where one payload gives several rows of one kind.';
COMMENT ON COLUMN perps.incentives.tx_index IS 'Position of the transaction in its block; NULL while provisional.';
COMMENT ON COLUMN perps.incentives.block_time IS 'Time of the block, UTC; of a provisional row the time of the event where the block gave none.';
COMMENT ON COLUMN perps.incentives.event IS 'The program''s name for the event.';
COMMENT ON COLUMN perps.incentives.settled IS 'False while only a confirmed, not a finalized, read has seen it.';
COMMENT ON COLUMN perps.incentives.decoder_version IS 'Version of the decoder that made the row.';
COMMENT ON COLUMN perps.incentives.incentive_kind IS 'gt_mint, gt_reward, gt_burn or fuel; it tells the sign.';
COMMENT ON COLUMN perps.incentives.account IS 'Whose, base58.';
COMMENT ON COLUMN perps.incentives.amount IS 'How much; always positive.';
COMMENT ON COLUMN perps.incentives.supply_after IS 'Supply after it.';
