-- Hours ($1) of holdings ($2 protocol, $3 component, $4 key, $5 holding), weighted by time.
--
-- What is told holds until the next is told: an amount that every change tells as long as the slots after it are settled;
-- a value told as a whole, and what only readings of accounts tell, as long as a price counts, and never behind all that
-- is covered; a reading of the first kind holds for the longer of both. What a list does not name any more has ended.
-- Rows of one payload add up, and within a second the last payload counts. A holding's value is its amount at the price of
-- each second: prices change far more often than amounts, so the sum of the prices up to a second is made once for each
-- token and hour, and an amount that stands from x1 to x2 is worth amount x (sum up to x2 - sum up to x1). Nothing is
-- worth nothing at any price. Times are Unix seconds.
bucket AS (
    SELECT DISTINCT protocol, component, component_key, holding, hour
    FROM unnest($1::timestamptz[], $2::text[], $3::text[], $4::text[], $5::bytea[])
        AS mark (hour, protocol, component, component_key, holding)
),
-- Hours in a row are made together.
reach AS (
    SELECT n.protocol, n.component, n.component_key, n.holding,
        min(n.hour) AS since, max(n.hour) + interval '1 hour' AS until,
        EXISTS (SELECT FROM ledger.held_components AS c WHERE c.protocol = n.protocol AND c.component = n.component) AS is_held,
        EXISTS (
            SELECT FROM ledger.listed_components AS c WHERE c.protocol = n.protocol AND c.component = n.component
        ) AS is_listed
    FROM (
        SELECT *, hour - interval '1 hour' * row_number() OVER (
            PARTITION BY protocol, component, component_key, holding ORDER BY hour
        ) AS row
        FROM bucket
    ) AS n
    GROUP BY n.protocol, n.component, n.component_key, n.holding, n.row
),
age AS (
    SELECT value::bigint AS longest FROM ledger.parameters WHERE protocol = 'all' AND name = 'price_max_age_s'
),
head AS (
    SELECT stream AS protocol, extract(epoch FROM max(ends_at))::bigint AS at
    FROM ledger.covered_spans
    WHERE ends_at IS NOT NULL
    GROUP BY stream
),
told AS (
    SELECT DISTINCT ON (r.protocol, r.component, r.component_key, r.holding, r.since, t.block_time)
        r.*, extract(epoch FROM t.block_time)::bigint AS at, t.block_time, t.slot, t.channel, t.value_origin,
        CASE WHEN count(t.amount) OVER payload = count(*) OVER payload THEN sum(t.amount) OVER payload END AS amount,
        CASE WHEN count(t.value_usd_e6) OVER payload = count(*) OVER payload THEN sum(t.value_usd_e6) OVER payload END
            AS value_usd_e6,
        sum(t.deposits) OVER payload AS deposits,
        sum(t.borrows) OVER payload AS borrows
    FROM reach AS r
    CROSS JOIN LATERAL (
        SELECT t.*
        FROM (
            SELECT t.slot, t.signature, t.channel, t.index FROM ledger.tvl_observations AS t
            WHERE t.protocol = r.protocol AND t.component = r.component AND t.component_key = r.component_key
                AND coalesce(t.mint, int2send(t.part)) = r.holding AND t.block_time < r.since
            ORDER BY {newest}
            LIMIT 1
        ) AS last
        CROSS JOIN LATERAL (
            SELECT * FROM ledger.tvl_observations AS t
            WHERE t.slot = last.slot AND t.signature = last.signature AND t.channel = last.channel AND t.index = last.index
                AND t.protocol = r.protocol AND t.component = r.component AND t.component_key = r.component_key
                AND coalesce(t.mint, int2send(t.part)) = r.holding
            OFFSET 0
        ) AS t
        UNION ALL
        SELECT * FROM ledger.tvl_observations AS t
        WHERE t.protocol = r.protocol AND t.component = r.component AND t.component_key = r.component_key
            AND coalesce(t.mint, int2send(t.part)) = r.holding AND t.block_time >= r.since AND t.block_time < r.until
    ) AS t
    WINDOW payload AS (
        PARTITION BY r.protocol, r.component, r.component_key, r.holding, r.since, t.slot, t.signature, t.channel, t.index
    )
    ORDER BY r.protocol, r.component, r.component_key, r.holding, r.since, {newest}
),
held AS (
    SELECT t.*,
        greatest(t.at, extract(epoch FROM t.since)::bigint) AS x1,
        least(
            lead(t.at) OVER (PARTITION BY t.protocol, t.component, t.component_key, t.holding, t.since ORDER BY t.at),
            extract(epoch FROM t.until)::bigint,
            extract(epoch FROM listed.next)::bigint,
            CASE
                WHEN t.amount IS NULL OR NOT t.is_held THEN least(t.at + age.longest, head.at)
                WHEN t.channel = 'account' THEN
                    greatest(extract(epoch FROM span.ends_at)::bigint, least(t.at + age.longest, head.at))
                ELSE coalesce(extract(epoch FROM span.ends_at)::bigint, t.at)
            END
        ) AS x2
    FROM told AS t
    CROSS JOIN age
    JOIN head USING (protocol)
    LEFT JOIN LATERAL (
        SELECT s.behind_slot, s.ends_at FROM ledger.covered_spans AS s
        WHERE s.stream = t.protocol AND s.first_slot <= t.slot
        ORDER BY s.first_slot DESC
        LIMIT 1
    ) AS span ON span.behind_slot > t.slot
    LEFT JOIN LATERAL (
        SELECT min(n.block_time) AS next FROM ledger.tvl_observations AS n
        WHERE t.is_listed AND n.protocol = t.protocol AND n.component = t.component AND n.component_key = t.component_key
            AND n.block_time > t.block_time
    ) AS listed ON true
),
piece AS (
    SELECT h.protocol, h.component, h.component_key, h.holding, to_timestamp(of.hour) AS hour,
        greatest(h.x1, of.hour) AS x1, least(h.x2, of.hour + 3600) AS x2,
        h.amount, h.value_usd_e6, h.deposits, h.borrows, h.value_origin,
        CASE WHEN h.amount <> 0 AND length(h.holding) > 2 THEN h.holding END AS mint
    FROM held AS h
    CROSS JOIN LATERAL generate_series(h.x1 / 3600 * 3600, h.x2 - 1, 3600) AS of (hour)
    WHERE h.x1 < h.x2 AND (h.amount IS NOT NULL OR h.value_usd_e6 IS NOT NULL)
),
cell AS (
    SELECT DISTINCT mint, hour FROM piece WHERE mint IS NOT NULL
),
price AS (
    SELECT DISTINCT ON (c.mint, c.hour, t.block_time)
        c.mint, extract(epoch FROM c.hour)::bigint AS hour, extract(epoch FROM t.block_time)::bigint AS at, t.price_usd
    FROM cell AS c
    CROSS JOIN age
    CROSS JOIN LATERAL (
        (
            SELECT * FROM ledger.price_observations AS t
            WHERE t.mint = c.mint AND t.block_time < c.hour AND t.block_time > c.hour - age.longest * interval '1 second'
            ORDER BY {newest}
            LIMIT 1
        )
        UNION ALL
        SELECT * FROM ledger.price_observations AS t
        WHERE t.mint = c.mint AND t.block_time >= c.hour AND t.block_time < c.hour + interval '1 hour'
    ) AS t
    ORDER BY c.mint, c.hour, {newest}
),
stand AS (
    SELECT p.mint, p.hour, p.price_usd,
        greatest(p.at, p.hour) AS since,
        least(lead(p.at) OVER near, p.at + age.longest, p.hour + 3600) AS until,
        row_number() OVER near AS step
    FROM price AS p
    CROSS JOIN age
    WINDOW near AS (PARTITION BY p.mint, p.hour ORDER BY p.at)
),
step AS (
    SELECT s.*,
        coalesce(sum(s.price_usd * (s.until - s.since)) OVER before, 0) AS sum_before,
        coalesce(sum(s.until - s.since) OVER before, 0) AS known_before
    FROM stand AS s
    WINDOW before AS (PARTITION BY s.mint, s.hour ORDER BY s.step ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
),
edge AS (
    SELECT mint, extract(epoch FROM hour)::bigint AS hour, x1 AS at FROM piece WHERE mint IS NOT NULL
    UNION
    SELECT mint, extract(epoch FROM hour)::bigint, x2 FROM piece WHERE mint IS NOT NULL
),
found AS (
    SELECT mint, hour, at, is_edge, max(step) OVER (
        PARTITION BY mint, hour ORDER BY at, is_edge ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS step
    FROM (
        SELECT mint, hour, since AS at, false AS is_edge, step FROM step
        UNION ALL
        SELECT mint, hour, at, true, NULL FROM edge
    ) AS points
),
up_to AS (
    SELECT f.mint, to_timestamp(f.hour) AS hour, f.at,
        coalesce(s.sum_before + s.price_usd * (least(f.at, s.until) - s.since), 0) AS total,
        coalesce(s.known_before + (least(f.at, s.until) - s.since), 0) AS known
    FROM found AS f
    LEFT JOIN step AS s ON s.mint = f.mint AND s.hour = f.hour AND s.step = f.step
    WHERE f.is_edge
),
valued AS (
    SELECT p.*, p.x2 - p.x1 AS seconds,
        CASE WHEN p.amount IS NULL OR p.amount = 0 THEN p.x2 - p.x1 ELSE coalesce(b.known - a.known, 0) END AS known,
        CASE
            WHEN p.amount IS NULL THEN p.value_usd_e6 * 0.000001 * (p.x2 - p.x1)
            WHEN p.amount = 0 THEN 0
            ELSE p.amount * (b.total - a.total)
        END AS value
    FROM piece AS p
    LEFT JOIN up_to AS a ON a.mint = p.mint AND a.hour = p.hour AND a.at = p.x1
    LEFT JOIN up_to AS b ON b.mint = p.mint AND b.hour = p.hour AND b.at = p.x2
),
made AS (
    SELECT protocol, component, component_key, holding, hour,
        coalesce(sum(seconds) FILTER (WHERE amount IS NOT NULL), 0) AS amount_s,
        sum(known) AS known_s,
        sum(amount * seconds) AS amount_seconds,
        sum(value) FILTER (WHERE known > 0) AS value_seconds,
        (array_agg(amount ORDER BY x1 DESC))[1] AS amount,
        (array_agg(deposits ORDER BY x1 DESC))[1] AS deposits,
        (array_agg(borrows ORDER BY x1 DESC))[1] AS borrows,
        CASE WHEN min(value_origin) = max(value_origin) THEN min(value_origin) ELSE 'mixed' END AS origin
    FROM valued
    GROUP BY protocol, component, component_key, holding, hour
)
