-- Absolute amounts and values at one moment; each holds until the next.

CREATE VIEW perps.tvl_observations AS
SELECT
    'tvl_observation' AS record,
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
    t.component,
    t.component_key,
    perps.base58(t.mint) AS mint,
    token.symbol AS symbol,
    trim_scale(t.amount) AS amount,
    trim_scale(t.value_usd_e6 * 0.000001) AS value_usd,
    trim_scale(t.deposits) AS deposits,
    trim_scale(t.borrows) AS borrows,
    t.value_origin AS origin
FROM ledger.tvl_observations AS t
LEFT JOIN ledger.tokens AS token ON token.mint = t.mint;

COMMENT ON VIEW perps.tvl_observations IS 'Absolute amounts and values at one moment; each holds until the next.';
COMMENT ON COLUMN perps.tvl_observations.record IS 'The kind of the row.';
COMMENT ON COLUMN perps.tvl_observations.protocol IS 'drift, jupiter_perps or gmx_solana.';
COMMENT ON COLUMN perps.tvl_observations.program_id IS 'The program that emitted the event, base58.';
COMMENT ON COLUMN perps.tvl_observations.slot IS 'Slot of the transaction.';
COMMENT ON COLUMN perps.tvl_observations.signature IS 'Signature of the transaction, base58; of a row read from an account the account''s key.';
COMMENT ON COLUMN perps.tvl_observations.channel IS 'Where the payload stood: log, cpi (an instruction to the program itself) or account.';
COMMENT ON COLUMN perps.tvl_observations.index IS 'Raw position of the payload: line of the logs, or instruction of the flat list; -1: the transaction as a whole.';
COMMENT ON COLUMN perps.tvl_observations.part IS '0, 1, 2 ... where one payload gives several rows of one kind.';
COMMENT ON COLUMN perps.tvl_observations.tx_index IS 'Position of the transaction in its block; NULL while provisional.';
COMMENT ON COLUMN perps.tvl_observations.block_time IS 'Time of the block, UTC; of a provisional row the time of the event where the block gave none.';
COMMENT ON COLUMN perps.tvl_observations.event IS 'The program''s name for the event.';
COMMENT ON COLUMN perps.tvl_observations.settled IS 'False while only a confirmed, not a finalized, read has seen it.';
COMMENT ON COLUMN perps.tvl_observations.decoder_version IS 'Version of the decoder that made the row.';
COMMENT ON COLUMN perps.tvl_observations.component IS 'pool, lending, insurance_fund, strategy_vault, glv, ...';
COMMENT ON COLUMN perps.tvl_observations.component_key IS 'Which one.';
COMMENT ON COLUMN perps.tvl_observations.mint IS 'The token, base58.';
COMMENT ON COLUMN perps.tvl_observations.symbol IS 'Symbol of the token; NULL where unknown.';
COMMENT ON COLUMN perps.tvl_observations.amount IS 'Tokens there.';
COMMENT ON COLUMN perps.tvl_observations.value_usd IS 'Value in USD.';
COMMENT ON COLUMN perps.tvl_observations.deposits IS 'Lending: tokens deposited; amount is deposits less borrows.';
COMMENT ON COLUMN perps.tvl_observations.borrows IS 'Lending: tokens borrowed.';
COMMENT ON COLUMN perps.tvl_observations.origin IS 'event, account or recomputed.';
