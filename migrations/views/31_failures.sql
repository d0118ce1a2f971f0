-- What could not be read, with its bytes.

CREATE VIEW perps.failures AS
SELECT
    'failure' AS record,
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
    t.reason,
    encode(t.discriminator, 'hex') AS discriminator,
    t.payload,
    t.detail
FROM ledger.failures AS t;

COMMENT ON VIEW perps.failures IS 'What could not be read, with its bytes.';
COMMENT ON COLUMN perps.failures.record IS 'The kind of the row.';
COMMENT ON COLUMN perps.failures.protocol IS 'drift, jupiter_perps or gmx_solana.';
COMMENT ON COLUMN perps.failures.program_id IS 'The program that emitted the event, base58.';
COMMENT ON COLUMN perps.failures.slot IS 'Slot of the transaction.';
COMMENT ON COLUMN perps.failures.signature IS 'Signature of the transaction, base58; of a row read from an account the account''s key.';
COMMENT ON COLUMN perps.failures.channel IS 'Where the payload stood: log, cpi (an instruction to the program itself) or account.';
COMMENT ON COLUMN perps.failures.index IS 'Raw position of the payload: line of the logs, or instruction of the flat list; -1: the transaction as a whole.';
COMMENT ON COLUMN perps.failures.part IS '0, 1, 2 ... where one payload gives several rows of one kind.';
COMMENT ON COLUMN perps.failures.tx_index IS 'Position of the transaction in its block; NULL while provisional.';
COMMENT ON COLUMN perps.failures.block_time IS 'Time of the block, UTC; of a provisional row the time of the event where the block gave none.';
COMMENT ON COLUMN perps.failures.event IS 'The program''s name for the event.';
COMMENT ON COLUMN perps.failures.settled IS 'False while only a confirmed, not a finalized, read has seen it.';
COMMENT ON COLUMN perps.failures.decoder_version IS 'Version of the decoder that made the row.';
COMMENT ON COLUMN perps.failures.reason IS 'truncated_logs, unknown_event, short_payload, unexpected_length, invalid_value or attribution_mismatch.';
COMMENT ON COLUMN perps.failures.discriminator IS 'First 8 bytes of the payload, hexadecimal.';
COMMENT ON COLUMN perps.failures.payload IS 'The bytes that could not be read.';
COMMENT ON COLUMN perps.failures.detail IS 'For people: what was expected and what came.';
