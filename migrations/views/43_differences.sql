-- What later reads of settled slots said otherwise. The ledger stays as it is; somebody should look.

CREATE VIEW perps.differences AS
SELECT
    d.record,
    d.protocol,
    d.slot,
    perps.base58(d.signature) AS signature,
    d.channel,
    d.index,
    d.part,
    nullif(d.reason, '') AS reason,
    d.difference,
    d.columns,
    d.source,
    d.endpoint,
    d.at
FROM ledger.differences AS d;

COMMENT ON VIEW perps.differences IS 'Later reads of settled slots that did not say the same; the rows were left as they are.';
COMMENT ON COLUMN perps.differences.record IS 'The kind of the row.';
COMMENT ON COLUMN perps.differences.protocol IS 'drift, jupiter_perps or gmx_solana.';
COMMENT ON COLUMN perps.differences.slot IS 'Slot of the transaction.';
COMMENT ON COLUMN perps.differences.signature IS 'Signature of the transaction, base58.';
COMMENT ON COLUMN perps.differences.channel IS 'Where the payload stood: log or cpi.';
COMMENT ON COLUMN perps.differences.index IS 'Raw position of the payload.';
COMMENT ON COLUMN perps.differences.part IS '0, 1, 2 ... where one payload gives several rows of one kind.';
COMMENT ON COLUMN perps.differences.reason IS 'Of a failure; else NULL.';
COMMENT ON COLUMN perps.differences.difference IS 'differing: other values. additional: a row the ledger lacks. missing: a row the read lacks.';
COMMENT ON COLUMN perps.differences.columns IS 'Columns that differ.';
COMMENT ON COLUMN perps.differences.source IS 'What kind of source said so.';
COMMENT ON COLUMN perps.differences.endpoint IS 'Which endpoint said so first.';
COMMENT ON COLUMN perps.differences.at IS 'When it was first said.';
