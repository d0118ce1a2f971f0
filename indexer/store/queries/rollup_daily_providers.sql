-- Providers of liquidity by marked day ($1) and protocol ($2), each flow by its own event's owner or that of its action.
bucket AS (
    SELECT DISTINCT day, protocol FROM unnest($1::date[], $2::text[]) AS mark (day, protocol)
),
made AS (
    SELECT
        b.day, t.protocol, t.venue, t.venue_key,
        coalesce(t.owner, '') AS provider,
        count(*) FILTER (WHERE t.flow = 'deposit') AS deposits,
        count(*) FILTER (WHERE t.flow = 'withdraw') AS withdrawals,
        count(*) FILTER (WHERE t.valued_e6 IS NULL) AS unvalued,
        sum(t.valued_e6) FILTER (WHERE t.flow = 'deposit') AS deposits_e6,
        sum(t.valued_e6) FILTER (WHERE t.flow = 'withdraw') AS withdrawals_e6,
        sum(t.fee_usd_e6) AS fees_e6
    FROM bucket AS b
    JOIN ledger.valued_flows AS t
        ON t.protocol = b.protocol
        AND t.block_time >= b.day::timestamp AT TIME ZONE 'UTC'
        AND t.block_time < (b.day + 1)::timestamp AT TIME ZONE 'UTC'
    GROUP BY 1, 2, 3, 4, 5
)
