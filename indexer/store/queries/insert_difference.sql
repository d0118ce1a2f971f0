INSERT INTO ledger.differences
    (record, protocol, slot, signature, channel, index, part, reason, difference, columns, source, endpoint)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
ON CONFLICT DO NOTHING
