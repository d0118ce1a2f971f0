-- Which slots are there, and which nobody has. What is in neither is missing.

CREATE VIEW perps.coverage AS
SELECT
    c.stream AS protocol,
    c.state,
    lower(span.slots) AS first_slot,
    upper(span.slots) - 1 AS last_slot,
    upper(span.slots) - lower(span.slots) AS slots
FROM (
    SELECT stream, 'settled' AS state, slots FROM ledger.coverage
    UNION ALL
    SELECT stream, 'unavailable', range_agg(slots) FROM ledger.unavailable GROUP BY stream
) AS c
CROSS JOIN LATERAL unnest(c.slots) AS span (slots);

COMMENT ON VIEW perps.coverage IS 'Spans of slots by protocol that are settled, or that no source has; all others are missing.';
COMMENT ON COLUMN perps.coverage.protocol IS 'drift, jupiter_perps or gmx_solana.';
COMMENT ON COLUMN perps.coverage.state IS 'settled: every row of these slots is there. unavailable: no source has them; they count as missing.';
COMMENT ON COLUMN perps.coverage.first_slot IS 'First slot of the span.';
COMMENT ON COLUMN perps.coverage.last_slot IS 'Last slot of the span.';
COMMENT ON COLUMN perps.coverage.slots IS 'Number of slots.';
