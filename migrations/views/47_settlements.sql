-- Who proved which slots, and when.

CREATE VIEW perps.settlements AS
SELECT
    s.stream AS protocol,
    lower(span.slots) AS first_slot,
    upper(span.slots) - 1 AS last_slot,
    upper(span.slots) - lower(span.slots) AS slots,
    s.source,
    s.endpoint,
    s.at,
    s.last_at
FROM ledger.settlements AS s
CROSS JOIN LATERAL unnest(s.slots) AS span (slots);

COMMENT ON VIEW perps.settlements IS 'Who settled which slots; what one endpoint settles within an hour is told together.';
COMMENT ON COLUMN perps.settlements.protocol IS 'drift, jupiter_perps or gmx_solana.';
COMMENT ON COLUMN perps.settlements.first_slot IS 'First slot of the span.';
COMMENT ON COLUMN perps.settlements.last_slot IS 'Last slot of the span.';
COMMENT ON COLUMN perps.settlements.slots IS 'Number of slots.';
COMMENT ON COLUMN perps.settlements.source IS 'What kind of source settled them.';
COMMENT ON COLUMN perps.settlements.endpoint IS 'Which endpoint, without its credentials.';
COMMENT ON COLUMN perps.settlements.at IS 'When the first slots told together were settled, UTC.';
COMMENT ON COLUMN perps.settlements.last_at IS 'When the last of them were, UTC.';
