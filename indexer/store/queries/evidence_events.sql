-- Settled events that are evidence. Of the event $5 only those with the byte $7 at $6 are: a text of bytes that is too
-- short has none there.
SELECT {columns} FROM ledger.events AS t
WHERE t.protocol = $1 AND t.slot >= $2 AND t.slot < $3 AND t.settled AND t.event = ANY ($4::text[])
    AND (t.event <> $5 OR substring(t.payload FROM $6 + 1 FOR 1) = $7)
ORDER BY t.slot, t.tx_index, t.signature
