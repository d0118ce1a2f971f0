-- What is wanted and not there.

CREATE VIEW perps.gaps AS
SELECT
    g.stream AS protocol,
    g.state,
    lower(span.slots) AS first_slot,
    upper(span.slots) - 1 AS last_slot,
    upper(span.slots) - lower(span.slots) AS slots,
    perps.time_of(lower(span.slots)) AS from_time,
    perps.time_of(upper(span.slots) - 1) AS to_time,
    coalesce(upper(span.slots) > g.finalized_slot AND g.state = 'missing', false) AS at_head
FROM (
    SELECT
        s.stream,
        'missing' AS state,
        s.asked
            + CASE WHEN s.wanted_from <= s.finalized_slot
                   THEN int8multirange(int8range(s.wanted_from, s.finalized_slot + 1)) ELSE '{}' END
            - coalesce((SELECT c.slots FROM ledger.coverage AS c WHERE c.stream = s.stream), '{}')
            - coalesce((SELECT range_agg(u.slots) FROM ledger.unavailable AS u WHERE u.stream = s.stream), '{}') AS slots,
        s.finalized_slot
    FROM ledger.streams AS s
    UNION ALL
    SELECT u.stream, 'unavailable', range_agg(u.slots), NULL FROM ledger.unavailable AS u GROUP BY u.stream
) AS g
CROSS JOIN LATERAL unnest(g.slots) AS span (slots);

COMMENT ON VIEW perps.gaps IS 'Spans of slots that are wanted and not settled: missing, or unavailable so far. What nobody asked for is no gap.';
COMMENT ON COLUMN perps.gaps.protocol IS 'drift, jupiter_perps or gmx_solana.';
COMMENT ON COLUMN perps.gaps.state IS 'missing: still to be fetched. unavailable: no source has them so far; they are tried again, slowly.';
COMMENT ON COLUMN perps.gaps.first_slot IS 'First slot of the span.';
COMMENT ON COLUMN perps.gaps.last_slot IS 'Last slot of the span.';
COMMENT ON COLUMN perps.gaps.slots IS 'Number of slots.';
COMMENT ON COLUMN perps.gaps.from_time IS 'About when the first slot was, UTC; NULL where no block time is known.';
COMMENT ON COLUMN perps.gaps.to_time IS 'About when the last slot was, UTC.';
COMMENT ON COLUMN perps.gaps.at_head IS 'The span reaches the finalized head: the daemon is at work on it.';
