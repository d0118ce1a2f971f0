-- Many machines: workers, how far what backfills were asked for is, who shares endpoints, and how large the ledger is.

CREATE VIEW perps.workers AS
SELECT
    w.holder,
    w.stream AS protocol,
    w.seen_at > now() - interval '30 s' AS alive,
    w.settled_slots,
    w.transactions,
    w.slots_per_s,
    (SELECT min(lower(c.slots)) FROM ledger.claims AS c
        WHERE c.stream = w.stream AND c.lease_until > now() AND starts_with(c.holder, w.holder || '/')) AS at_slot,
    w.started_at,
    w.seen_at
FROM ledger.workers AS w;

COMMENT ON VIEW perps.workers IS 'Workers that fill history, by protocol; rows of those that are silent for ten minutes go.';
COMMENT ON COLUMN perps.workers.holder IS 'Host and process.';
COMMENT ON COLUMN perps.workers.protocol IS 'drift, jupiter_perps or gmx_solana.';
COMMENT ON COLUMN perps.workers.alive IS 'It said so within 30 seconds.';
COMMENT ON COLUMN perps.workers.settled_slots IS 'Slots that it settled since it started.';
COMMENT ON COLUMN perps.workers.transactions IS 'Transactions that it fetched for that.';
COMMENT ON COLUMN perps.workers.slots_per_s IS 'Slots that it settled a second, over the last minute.';
COMMENT ON COLUMN perps.workers.at_slot IS 'First slot that it works on now; NULL: it waits.';
COMMENT ON COLUMN perps.workers.started_at IS 'When it started, UTC.';
COMMENT ON COLUMN perps.workers.seen_at IS 'When it last said something, UTC.';

CREATE VIEW perps.backfill AS
SELECT
    s.stream AS protocol,
    s.asked_slots,
    s.left_slots,
    coalesce(w.workers, 0) AS workers,
    coalesce(w.slots_per_s, 0) AS slots_per_s,
    CASE WHEN s.left_slots = 0 THEN 0 WHEN w.slots_per_s > 0 THEN ceil(s.left_slots / w.slots_per_s)::bigint END AS eta_s
FROM (
    SELECT
        a.stream,
        (SELECT coalesce(sum(upper(span) - lower(span)), 0) FROM unnest(a.asked) AS span)::bigint AS asked_slots,
        (SELECT coalesce(sum(upper(span) - lower(span)), 0)
            FROM unnest(a.asked - coalesce(c.slots, '{}')) AS span)::bigint AS left_slots
    FROM ledger.streams AS a LEFT JOIN ledger.coverage AS c USING (stream)
    WHERE NOT isempty(a.asked)
) AS s
LEFT JOIN (
    SELECT stream, count(*) AS workers, sum(slots_per_s) AS slots_per_s
    FROM ledger.workers WHERE seen_at > now() - interval '30 s'
    GROUP BY stream
) AS w ON w.stream = s.stream;

COMMENT ON VIEW perps.backfill IS 'How far what backfills were asked for is, over all workers.';
COMMENT ON COLUMN perps.backfill.protocol IS 'drift, jupiter_perps or gmx_solana.';
COMMENT ON COLUMN perps.backfill.asked_slots IS 'Slots that backfills were asked for, done or not.';
COMMENT ON COLUMN perps.backfill.left_slots IS 'Of these, how many are not settled; with those that no source has.';
COMMENT ON COLUMN perps.backfill.workers IS 'Workers that are alive.';
COMMENT ON COLUMN perps.backfill.slots_per_s IS 'Slots that all of them together settle a second.';
COMMENT ON COLUMN perps.backfill.eta_s IS 'Seconds until the end at that rate; NULL: nobody is at work, or nothing was settled yet.';

CREATE VIEW perps.endpoint_shares AS
SELECT min(l.name) AS endpoint, encode(l.endpoint, 'hex') AS budget, count(*) AS holders, max(l.lease_until) AS leased_until
FROM ledger.rate_leases AS l
WHERE l.lease_until > now()
GROUP BY l.endpoint;

COMMENT ON VIEW perps.endpoint_shares IS 'Who shares the budget of an endpoint: each process that asks it has an equal part.';
COMMENT ON COLUMN perps.endpoint_shares.endpoint IS 'The endpoint, without its credentials.';
COMMENT ON COLUMN perps.endpoint_shares.budget IS 'Tells apart budgets at one host: a keyed hash of the address.';
COMMENT ON COLUMN perps.endpoint_shares.holders IS 'Processes that share it now.';
COMMENT ON COLUMN perps.endpoint_shares.leased_until IS 'When the last of their leases runs out, UTC.';

-- Sizes are of whole partitions, and protocols have theirs by their part of the rows, as ANALYZE last counted it. With the
-- owner's rights: readers see neither the tables nor what is known of them.
CREATE OR REPLACE FUNCTION ledger.storage()
RETURNS TABLE (record text, protocol text, first_slot bigint, rows bigint, bytes bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT
        parent.relname::text,
        coalesce(told.protocol, 'unknown'),
        substring(pg_get_expr(part.relpartbound, part.oid) FROM 'FROM \(''?(\d+)')::bigint,
        round(greatest(part.reltuples, 0)::numeric * coalesce(told.share, 1)::numeric)::bigint,
        round(pg_total_relation_size(part.oid)::numeric * coalesce(told.share, 1)::numeric)::bigint
    FROM pg_class AS parent
    JOIN pg_inherits AS i ON i.inhparent = parent.oid
    JOIN pg_class AS part ON part.oid = i.inhrelid
    LEFT JOIN pg_stats AS s
        ON s.schemaname = 'ledger' AND s.tablename = part.relname AND s.attname = 'protocol' AND NOT s.inherited
    LEFT JOIN LATERAL unnest(s.most_common_vals::text::text[], s.most_common_freqs) AS told (protocol, share) ON true
    WHERE parent.relnamespace = 'ledger'::regnamespace AND parent.relkind = 'p'
$$;
COMMENT ON FUNCTION ledger.storage IS 'How large each partition is, divided among protocols by their rows.';

CREATE VIEW perps.storage AS
SELECT
    s.record,
    s.protocol,
    s.first_slot,
    s.first_slot + 6479999 AS last_slot,
    s.rows,
    s.bytes,
    round(s.bytes * 216000 / settled.slots)::bigint AS bytes_per_day
FROM ledger.storage() AS s
CROSS JOIN LATERAL (
    SELECT sum(upper(span.slots) - lower(span.slots)) AS slots
    FROM ledger.coverage AS c
    CROSS JOIN LATERAL unnest(c.slots * int8multirange(int8range(s.first_slot, s.first_slot + 6480000))) AS span (slots)
    WHERE c.stream = s.protocol
) AS settled;

COMMENT ON VIEW perps.storage IS 'How large the ledger is: bytes with indexes, by kind of row, protocol and partition of about 30 days.';
COMMENT ON COLUMN perps.storage.record IS 'The table in schema ledger; events hold the raw bytes.';
COMMENT ON COLUMN perps.storage.protocol IS 'drift, jupiter_perps or gmx_solana; unknown: the partition was not analyzed yet.';
COMMENT ON COLUMN perps.storage.first_slot IS 'First slot of the partition.';
COMMENT ON COLUMN perps.storage.last_slot IS 'Last slot of the partition.';
COMMENT ON COLUMN perps.storage.rows IS 'About how many rows, as ANALYZE last counted them.';
COMMENT ON COLUMN perps.storage.bytes IS 'Bytes on disk; those of a protocol are its part of the rows.';
COMMENT ON COLUMN perps.storage.bytes_per_day IS 'How fast it grows: bytes for each day (216,000 slots) of the partition that is settled; NULL: none is.';
