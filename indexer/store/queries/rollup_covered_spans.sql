-- Coverage in slots and in time, and the hours of holdings that its change reaches, in one statement: both must be of
-- the same state of the coverage.
bucket AS (
    SELECT stream FROM ledger.coverage UNION SELECT stream FROM ledger.covered_spans
),
made AS MATERIALIZED (
    SELECT stream, first_slot, behind_slot, starts_at, ends_at FROM ledger.timed_spans
),
old AS MATERIALIZED (
    SELECT * FROM ledger.covered_spans
),
settled AS (
    SELECT stream, coalesce(n.slots, int8multirange()) AS now, coalesce(o.slots, int8multirange()) AS before
    FROM (SELECT stream, range_agg(int8range(first_slot, behind_slot)) AS slots FROM made GROUP BY stream) AS n
    FULL JOIN (SELECT stream, range_agg(int8range(first_slot, behind_slot)) AS slots FROM old GROUP BY stream) AS o
        USING (stream)
),
-- Slots in which what was told, also by rows that did not change themselves, now holds until another time: those that
-- were settled and are, where the end moved, and those that came or went.
moved AS (
    SELECT o.stream, greatest(o.first_slot, n.first_slot) AS first_slot, least(o.behind_slot, n.behind_slot) AS behind_slot,
        CASE WHEN num_nulls(o.ends_at, n.ends_at) = 0 THEN least(o.ends_at, n.ends_at) END AS since,
        greatest(o.ends_at, n.ends_at) AS until
    FROM old AS o
    JOIN made AS n ON n.stream = o.stream AND n.first_slot < o.behind_slot AND o.first_slot < n.behind_slot
    WHERE o.ends_at IS DISTINCT FROM n.ends_at
    UNION ALL
    SELECT s.stream, lower(came.slots), upper(came.slots), NULL, n.ends_at
    FROM settled AS s
    CROSS JOIN LATERAL unnest(s.now - s.before) AS came (slots)
    JOIN made AS n ON n.stream = s.stream AND n.first_slot <= lower(came.slots) AND n.behind_slot > lower(came.slots)
    UNION ALL
    SELECT s.stream, lower(went.slots), upper(went.slots), NULL, o.ends_at
    FROM settled AS s
    CROSS JOIN LATERAL unnest(s.before - s.now) AS went (slots)
    JOIN old AS o ON o.stream = s.stream AND o.first_slot <= lower(went.slots) AND o.behind_slot > lower(went.slots)
),
-- The hours which that reaches: from where they end, or from their first, up to where something is told behind them.
span AS (
    SELECT m.stream, m.until,
        coalesce(m.since, (
            SELECT a.time FROM ledger.slot_times AS a WHERE a.slot < m.first_slot ORDER BY a.slot DESC LIMIT 1
        )) AS since,
        (SELECT a.time FROM ledger.slot_times AS a WHERE a.slot >= m.behind_slot ORDER BY a.slot LIMIT 1) AS behind
    FROM moved AS m
),
-- A value that was told as a whole holds for the longest age, and never behind all that is covered.
head AS (
    SELECT stream, least(o.at, n.at) AS since, greatest(o.at, n.at) AS until, o.at IS NULL OR n.at IS NULL AS is_new,
        age.value * interval '1 second' AS longest
    FROM (SELECT stream, max(ends_at) AS at FROM old GROUP BY stream) AS o
    FULL JOIN (SELECT stream, max(ends_at) AS at FROM made GROUP BY stream) AS n USING (stream)
    JOIN ledger.parameters AS age ON age.protocol = 'all' AND age.name = 'price_max_age_s'
    WHERE o.at IS DISTINCT FROM n.at
),
reached (hour, protocol, component, component_key, holding) AS (
    SELECT reach.hour, h.protocol, h.component, h.component_key, h.holding
    FROM span AS m
    JOIN ledger.tvl_holdings AS h ON h.protocol = m.stream
    CROSS JOIN LATERAL (
        SELECT min(r.hour) AS hour FROM ledger.hourly_observations AS r
        WHERE r.protocol = h.protocol AND r.component = h.component AND r.component_key = h.component_key
            AND r.holding = h.holding
    ) AS first
    CROSS JOIN LATERAL (
        SELECT min(r.hour) AS hour FROM ledger.hourly_observations AS r
        WHERE r.protocol = h.protocol AND r.component = h.component AND r.component_key = h.component_key
            AND r.holding = h.holding AND r.hour > m.behind
    ) AS next
    CROSS JOIN LATERAL generate_series(
        date_trunc('hour', greatest(m.since, first.hour), 'UTC'), least(m.until, next.hour), interval '1 hour'
    ) AS reach (hour)
    UNION
    SELECT reach.hour, r.protocol, r.component, r.component_key, r.holding
    FROM head AS m
    CROSS JOIN LATERAL (
        SELECT * FROM ledger.hourly_observations AS r
        WHERE r.protocol = m.stream AND r.hour <= m.until
            AND r.hour > CASE WHEN m.is_new THEN '-infinity' ELSE m.since - m.longest - interval '1 hour' END
        OFFSET 0
    ) AS r
    CROSS JOIN LATERAL generate_series(
        CASE WHEN m.is_new THEN r.hour ELSE greatest(r.hour, date_trunc('hour', m.since, 'UTC')) END,
        least(r.hour + m.longest + interval '59 minutes 59 seconds', m.until), interval '1 hour'
    ) AS reach (hour)
),
marked AS (
    INSERT INTO ledger.dirty_holdings (hour, protocol, component, component_key, holding)
    SELECT * FROM reached
    ON CONFLICT DO NOTHING
)
