-- Which days were seen whole. A day is one of block time, UTC; its edges lie between two anchors of slot and time.

CREATE VIEW ledger.timed_spans AS
SELECT
    c.stream,
    lower(span.slots) AS first_slot,
    upper(span.slots) AS behind_slot,
    -- The second of an anchor may go on in slots beside it, so all is settled from the next one on.
    coalesce(before.time, first.time) + interval '1 second' AS starts_at,
    coalesce(behind.time, last.time) AS ends_at
FROM ledger.coverage AS c
CROSS JOIN LATERAL unnest(c.slots) AS span (slots)
LEFT JOIN LATERAL (
    SELECT a.time FROM ledger.slot_times AS a WHERE a.slot = lower(span.slots) - 1 LIMIT 1
) AS before ON true
LEFT JOIN LATERAL (
    SELECT a.time FROM ledger.slot_times AS a WHERE a.slot = upper(span.slots) LIMIT 1
) AS behind ON true
LEFT JOIN LATERAL (
    SELECT a.time FROM ledger.slot_times AS a
    WHERE a.slot >= lower(span.slots) AND a.slot < upper(span.slots)
    ORDER BY a.slot LIMIT 1
) AS first ON true
LEFT JOIN LATERAL (
    SELECT a.time FROM ledger.slot_times AS a
    WHERE a.slot >= lower(span.slots) AND a.slot < upper(span.slots)
    ORDER BY a.slot DESC LIMIT 1
) AS last ON true;
COMMENT ON VIEW ledger.timed_spans IS 'Settled spans as they are now; covered_spans is what they were when last rolled up.';

-- Every day between the first and the last that was seen, and every other day with rows.
CREATE VIEW ledger.days AS
SELECT hull.protocol, day::date AS day
FROM (
    SELECT stream AS protocol, min(starts_at) AT TIME ZONE 'UTC' AS first, max(ends_at) AT TIME ZONE 'UTC' AS behind
    FROM ledger.covered_spans
    WHERE starts_at < ends_at
    GROUP BY stream
) AS hull
CROSS JOIN LATERAL generate_series(
    date_trunc('day', hull.first), hull.behind - interval '1 second', interval '1 day'
) AS day
UNION
SELECT protocol, day FROM ledger.active_days;
COMMENT ON VIEW ledger.days IS 'Days by protocol of which something is known.';

CREATE VIEW perps.coverage_daily AS
SELECT
    d.day,
    d.protocol,
    CASE coalesce(covered.seconds, 0) WHEN 86400 THEN 'full' WHEN 0 THEN 'none' ELSE 'partial' END AS coverage,
    ledger.ratio(coalesce(covered.seconds, 0), 86400, 6) AS covered_fraction
FROM ledger.days AS d
LEFT JOIN LATERAL (
    SELECT sum(extract(epoch FROM least(s.ends_at, edge.until) - greatest(s.starts_at, edge.since)))::bigint AS seconds
    FROM (
        SELECT d.day::timestamp AT TIME ZONE 'UTC' AS since, (d.day + 1)::timestamp AT TIME ZONE 'UTC' AS until
    ) AS edge
    JOIN ledger.covered_spans AS s
        ON s.stream = d.protocol AND s.starts_at < s.ends_at AND s.starts_at < edge.until AND s.ends_at > edge.since
) AS covered ON true;

COMMENT ON VIEW perps.coverage_daily IS 'How much of each UTC day is settled, as last rolled up. Slots that no source has count as missing.';
COMMENT ON COLUMN perps.coverage_daily.day IS 'UTC day.';
COMMENT ON COLUMN perps.coverage_daily.protocol IS 'drift, jupiter_perps or gmx_solana.';
COMMENT ON COLUMN perps.coverage_daily.coverage IS 'full: every slot of the day is settled. partial: some are. none: nothing is known.';
COMMENT ON COLUMN perps.coverage_daily.covered_fraction IS 'Part of the day''s seconds in which every slot is settled.';
