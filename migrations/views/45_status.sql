-- How far each protocol is, and whether somebody is at work.

CREATE VIEW perps.status AS
WITH streams AS (
    SELECT
        stream, s.wanted_from, s.asked, s.finalized_slot, s.confirmed_slot, s.seen_at, s.holder,
        coalesce(c.slots, '{}') AS settled
    FROM ledger.streams AS s FULL JOIN ledger.coverage AS c USING (stream)
), gaps AS (
    SELECT
        protocol,
        sum(slots) FILTER (WHERE state = 'missing') AS missing,
        sum(slots) FILTER (WHERE state = 'unavailable') AS unavailable,
        min(first_slot) AS oldest
    FROM perps.gaps
    GROUP BY protocol
), provisional AS (
    SELECT protocol, count(*) AS count
    FROM (
        SELECT protocol FROM ledger.trades WHERE NOT settled
        UNION ALL SELECT protocol FROM ledger.swaps WHERE NOT settled
        UNION ALL SELECT protocol FROM ledger.lp_flows WHERE NOT settled
        UNION ALL SELECT protocol FROM ledger.actions WHERE NOT settled
        UNION ALL SELECT protocol FROM ledger.fees WHERE NOT settled
        UNION ALL SELECT protocol FROM ledger.liquidations WHERE NOT settled
        UNION ALL SELECT protocol FROM ledger.funding_rates WHERE NOT settled
        UNION ALL SELECT protocol FROM ledger.open_interests WHERE NOT settled
        UNION ALL SELECT protocol FROM ledger.tvl_observations WHERE NOT settled
        UNION ALL SELECT protocol FROM ledger.price_observations WHERE NOT settled
        UNION ALL SELECT protocol FROM ledger.incentives WHERE NOT settled
        UNION ALL SELECT protocol FROM ledger.counters WHERE NOT settled
        UNION ALL SELECT protocol FROM ledger.events WHERE NOT settled
        UNION ALL SELECT protocol FROM ledger.failures WHERE NOT settled
    ) AS kinds
    GROUP BY protocol
), failures AS (
    SELECT protocol, count(*) AS count FROM ledger.failures GROUP BY protocol
), unknown AS (
    SELECT protocol, count(DISTINCT (program_id, discriminator)) AS layouts FROM perps.unknown_events GROUP BY protocol
)
SELECT
    s.stream AS protocol,
    s.holder IS NOT NULL AND coalesce(s.seen_at > now() - interval '15 s', false) AS alive,
    s.wanted_from,
    (SELECT coalesce(sum(upper(span) - lower(span)), 0) FROM unnest(s.asked) AS span)::bigint AS asked_slots,
    (SELECT upper(span) - 1 FROM unnest(s.settled) AS span WHERE span @> s.wanted_from) AS settled_to,
    upper(s.settled) - 1 AS newest_settled,
    s.finalized_slot,
    s.confirmed_slot,
    s.seen_at AS head_seen_at,
    lag.slots AS lag_slots,
    lag.slots * 0.4 AS lag_s,
    coalesce(g.missing, 0)::bigint AS missing_slots,
    coalesce(g.unavailable, 0)::bigint AS unavailable_slots,
    g.oldest AS oldest_gap,
    perps.time_of(g.oldest) AS oldest_gap_time,
    coalesce(p.count, 0) AS provisional_rows,
    coalesce(f.count, 0) AS failures,
    coalesce(u.layouts, 0) AS unknown_layouts,
    last.at AS last_settled_at,
    last.source AS last_source,
    last.endpoint AS last_endpoint,
    s.holder
FROM streams AS s
CROSS JOIN LATERAL (
    SELECT behind * (behind > 0)::int AS slots
    FROM (SELECT s.finalized_slot - coalesce(upper(s.settled), s.wanted_from) + 1 AS behind) AS head
) AS lag
LEFT JOIN gaps AS g ON g.protocol = s.stream
LEFT JOIN provisional AS p ON p.protocol = s.stream
LEFT JOIN failures AS f ON f.protocol = s.stream
LEFT JOIN unknown AS u ON u.protocol = s.stream
-- Who settled last wrote into a row of the newest hour there is.
LEFT JOIN LATERAL (
    SELECT e.last_at AS at, e.source, e.endpoint
    FROM ledger.settlements AS e
    WHERE e.stream = s.stream AND e.at >= date_trunc(
        'hour', (SELECT max(newest.at) FROM ledger.settlements AS newest WHERE newest.stream = s.stream), 'UTC'
    )
    ORDER BY e.last_at DESC, e.id DESC
    LIMIT 1
) AS last ON true;

COMMENT ON VIEW perps.status IS 'How far each protocol is, one row each.';
COMMENT ON COLUMN perps.status.protocol IS 'drift, jupiter_perps or gmx_solana.';
COMMENT ON COLUMN perps.status.alive IS 'A daemon said within 15 seconds that it is at work.';
COMMENT ON COLUMN perps.status.wanted_from IS 'First slot that the daemon wants to have; NULL: none was ever started.';
COMMENT ON COLUMN perps.status.asked_slots IS 'Slots that backfills were asked for, done or not.';
COMMENT ON COLUMN perps.status.settled_to IS 'Every slot from wanted_from up to this one is settled; NULL: the first one is not yet.';
COMMENT ON COLUMN perps.status.newest_settled IS 'Newest settled slot; there may be gaps below.';
COMMENT ON COLUMN perps.status.finalized_slot IS 'Newest finalized slot that a daemon saw.';
COMMENT ON COLUMN perps.status.confirmed_slot IS 'Newest confirmed slot that a daemon saw.';
COMMENT ON COLUMN perps.status.head_seen_at IS 'When it saw them, UTC.';
COMMENT ON COLUMN perps.status.lag_slots IS 'Slots from the newest settled one up to the finalized head.';
COMMENT ON COLUMN perps.status.lag_s IS 'The same in seconds, at 0.4 s a slot.';
COMMENT ON COLUMN perps.status.missing_slots IS 'Wanted slots that are still to be fetched; see perps.gaps.';
COMMENT ON COLUMN perps.status.unavailable_slots IS 'Slots that no source has so far.';
COMMENT ON COLUMN perps.status.oldest_gap IS 'First slot of the oldest gap, missing or unavailable.';
COMMENT ON COLUMN perps.status.oldest_gap_time IS 'About when that was, UTC.';
COMMENT ON COLUMN perps.status.provisional_rows IS 'Rows that only a confirmed read has seen, of all kinds and their events.';
COMMENT ON COLUMN perps.status.failures IS 'Payloads that could not be read; see perps.failures.';
COMMENT ON COLUMN perps.status.unknown_layouts IS 'Events, by program and discriminator, of which some payload no layout reads whole; see perps.unknown_events.';
COMMENT ON COLUMN perps.status.last_settled_at IS 'When the last slots were settled, UTC.';
COMMENT ON COLUMN perps.status.last_source IS 'By what kind of source.';
COMMENT ON COLUMN perps.status.last_endpoint IS 'By which endpoint.';
COMMENT ON COLUMN perps.status.holder IS 'Which daemon spoke last; NULL after it ended in good order.';
