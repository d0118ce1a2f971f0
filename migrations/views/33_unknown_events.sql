-- Layouts that changed without us: what programs emit that no layout of ours reads whole.

CREATE VIEW perps.unknown_events AS
SELECT
    f.protocol,
    perps.base58(f.program_id) AS program_id,
    encode(f.discriminator, 'hex') AS discriminator,
    f.event,
    f.reason,
    count(*) AS payloads,
    min(length(f.payload)) AS shortest_bytes,
    max(length(f.payload)) AS longest_bytes,
    min(f.slot) AS first_slot,
    max(f.slot) AS last_slot,
    min(f.block_time) AS first_time,
    max(f.block_time) AS last_time
FROM ledger.failures AS f
WHERE f.reason IN ('unknown_event', 'unexpected_length', 'short_payload', 'invalid_value')
    AND f.discriminator IS NOT NULL
    AND f.channel <> 'account'
GROUP BY f.protocol, f.program_id, f.discriminator, f.event, f.reason;

COMMENT ON VIEW perps.unknown_events IS 'What programs emit that no layout of ours reads whole, by program and discriminator: a program was changed.';
COMMENT ON COLUMN perps.unknown_events.protocol IS 'drift, jupiter_perps or gmx_solana.';
COMMENT ON COLUMN perps.unknown_events.program_id IS 'The program that emitted it, base58.';
COMMENT ON COLUMN perps.unknown_events.discriminator IS 'First 8 bytes of the payload, hexadecimal.';
COMMENT ON COLUMN perps.unknown_events.event IS 'The program''s name for the event; NULL: no layout has this discriminator.';
COMMENT ON COLUMN perps.unknown_events.reason IS 'unknown_event, unexpected_length (read, but for the bytes behind), short_payload or invalid_value.';
COMMENT ON COLUMN perps.unknown_events.payloads IS 'How many there are.';
COMMENT ON COLUMN perps.unknown_events.shortest_bytes IS 'Bytes of the shortest one, discriminator included.';
COMMENT ON COLUMN perps.unknown_events.longest_bytes IS 'Bytes of the longest one, discriminator included.';
COMMENT ON COLUMN perps.unknown_events.first_slot IS 'Slot of the first one: a new layout may hold from about there.';
COMMENT ON COLUMN perps.unknown_events.last_slot IS 'Slot of the last one.';
COMMENT ON COLUMN perps.unknown_events.first_time IS 'Block time of the first one, UTC; NULL: no time is known.';
COMMENT ON COLUMN perps.unknown_events.last_time IS 'Block time of the last one, UTC; NULL: no time is known.';
