-- Marked days ($1, $2 protocol) on which something was traded, moved, charged or liquidated.
bucket AS (
    SELECT DISTINCT day, protocol,
        day::timestamp AT TIME ZONE 'UTC' AS since, (day + 1)::timestamp AT TIME ZONE 'UTC' AS until
    FROM unnest($1::date[], $2::text[]) AS mark (day, protocol)
),
made AS (
    SELECT b.day, b.protocol
    FROM bucket AS b
    WHERE EXISTS (SELECT FROM ledger.trades AS t
                  WHERE t.protocol = b.protocol AND t.block_time >= b.since AND t.block_time < b.until)
        OR EXISTS (SELECT FROM ledger.swaps AS t
                   WHERE t.protocol = b.protocol AND t.block_time >= b.since AND t.block_time < b.until)
        OR EXISTS (SELECT FROM ledger.lp_flows AS t
                   WHERE t.protocol = b.protocol AND t.block_time >= b.since AND t.block_time < b.until)
        OR EXISTS (SELECT FROM ledger.fees AS t
                   WHERE t.protocol = b.protocol AND t.block_time >= b.since AND t.block_time < b.until)
        OR EXISTS (SELECT FROM ledger.liquidations AS t
                   WHERE t.protocol = b.protocol AND t.block_time >= b.since AND t.block_time < b.until)
)
