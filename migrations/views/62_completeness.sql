-- What the protocols' own counters and chains prove, and what is missing by them: see `perps-indexer verify`.

CREATE VIEW perps.completeness_gaps AS
SELECT
    g.protocol,
    g.evidence,
    g.chain,
    coalesce(m.symbol, g.chain) AS market,
    CASE WHEN numbered.is_so AND g.found > g.expected THEN g.expected + 1 END AS first_missing,
    CASE WHEN numbered.is_so AND g.found > g.expected THEN g.found END AS last_missing,
    CASE WHEN numbered.is_so AND g.found > g.expected THEN g.found - g.expected END AS missing,
    g.expected,
    g.found,
    g.after_slot,
    perps.base58(g.after_signature) AS after_signature,
    coalesce(g.after_time, perps.time_of(g.after_slot)) AS after_time,
    g.before_slot,
    perps.base58(g.before_signature) AS before_signature,
    g.before_index,
    coalesce(g.before_time, perps.time_of(g.before_slot)) AS before_time,
    g.before_slot - g.after_slot + 1 AS slots,
    g.cause,
    coalesce(g.cause IN ('not_settled', 'truncated'), false) AS explained,
    g.found_at,
    g.refetched_at,
    g.refetched_from
FROM ledger.completeness_gaps AS g
CROSS JOIN LATERAL (
    SELECT g.evidence IN ('perp_fills', 'spot_fills', 'deposits', 'fundings', 'curves', 'trades') AS is_so
) AS numbered
LEFT JOIN ledger.markets AS m ON m.protocol = g.protocol AND m.market_key = g.chain;

COMMENT ON VIEW perps.completeness_gaps IS 'Places between which something is missing, by the protocols'' own counters and chains, as last proven.';
COMMENT ON COLUMN perps.completeness_gaps.protocol IS 'drift, jupiter_perps or gmx_solana.';
COMMENT ON COLUMN perps.completeness_gaps.evidence IS 'What shows it: a counter (perp_fills, spot_fills, deposits, fundings, curves, trades), a chain (positions, gt_supply, gt_minted), a sum (lp_supply), or rows: an event is there without its record.';
COMMENT ON COLUMN perps.completeness_gaps.chain IS 'Key of the market, position or token; of rows the kind of the record.';
COMMENT ON COLUMN perps.completeness_gaps.market IS 'Symbol, where the chain is a market that is known; else the key.';
COMMENT ON COLUMN perps.completeness_gaps.first_missing IS 'First number that is missing; NULL where nothing is numbered, or numbers contradict each other.';
COMMENT ON COLUMN perps.completeness_gaps.last_missing IS 'Last number that is missing.';
COMMENT ON COLUMN perps.completeness_gaps.missing IS 'How many numbers are missing.';
COMMENT ON COLUMN perps.completeness_gaps.expected IS 'What should have been found, in the chain''s own unit: a number, a size in micro-dollars, a trade, smallest units of a token.';
COMMENT ON COLUMN perps.completeness_gaps.found IS 'What was found.';
COMMENT ON COLUMN perps.completeness_gaps.after_slot IS 'Slot of the last place before the gap. What is missing may lie in it.';
COMMENT ON COLUMN perps.completeness_gaps.after_signature IS 'Its transaction, base58; of a reading the account''s key.';
COMMENT ON COLUMN perps.completeness_gaps.after_time IS 'About when that was, UTC.';
COMMENT ON COLUMN perps.completeness_gaps.before_slot IS 'Slot of the first place behind the gap. What is missing may lie in it.';
COMMENT ON COLUMN perps.completeness_gaps.before_signature IS 'Its transaction, base58; of a reading the account''s key.';
COMMENT ON COLUMN perps.completeness_gaps.before_index IS 'Raw position of its payload; of a reading the end of its transaction or slot.';
COMMENT ON COLUMN perps.completeness_gaps.before_time IS 'About when that was, UTC.';
COMMENT ON COLUMN perps.completeness_gaps.slots IS 'Slots from the one to the other, both included.';
COMMENT ON COLUMN perps.completeness_gaps.cause IS 'not_settled, truncated (logs were cut, and others have no more), bounded (logs were cut, nobody else was asked yet), unreadable (unknown layout), row_missing, contradiction, never_emitted (others were asked and brought nothing); NULL: not known.';
COMMENT ON COLUMN perps.completeness_gaps.explained IS 'True: no loss of ours. The slots are still to be settled, or no endpoint has the bytes.';
COMMENT ON COLUMN perps.completeness_gaps.found_at IS 'When the gap was found as it is, UTC.';
COMMENT ON COLUMN perps.completeness_gaps.refetched_at IS 'When its slots were last fetched once more, UTC; NULL: never.';
COMMENT ON COLUMN perps.completeness_gaps.refetched_from IS 'By which strategies.';

CREATE VIEW perps.completeness_daily AS
WITH proven AS (
    SELECT
        s.day,
        s.protocol,
        s.evidence,
        count(DISTINCT s.chain) AS chains,
        sum(s.links)::bigint AS events,
        sum(s.readings)::bigint AS readings,
        count(*) FILTER (WHERE s.last_slot IS NOT NULL) AS tied,
        count(*) FILTER (
            WHERE NOT coalesce(s.last_is_reading AND s.trail = 0, false) AND s.evidence NOT IN ('positions', 'gt_supply', 'gt_minted')
                AND NOT EXISTS (
                    SELECT FROM ledger.chain_segments AS n
                    WHERE n.protocol = s.protocol AND n.evidence = s.evidence AND n.chain = s.chain
                        AND (n.bucket, n.day) > (s.bucket, s.day) AND n.last_slot IS NOT NULL
                )
        ) AS open_chains,
        min(s.bucket) AS first_bucket,
        max(s.bucket) AS last_bucket
    FROM ledger.chain_segments AS s
    WHERE s.day > '1970-01-01'
    GROUP BY s.day, s.protocol, s.evidence
), broken AS (
    SELECT
        day::date AS day,
        g.protocol,
        g.evidence,
        count(*) AS gaps,
        count(*) FILTER (WHERE NOT g.explained) AS unexplained_gaps,
        count(*) FILTER (WHERE g.cause = 'bounded') AS bounded_gaps,
        count(*) FILTER (WHERE g.cause = 'not_settled') AS unsettled_gaps,
        sum(g.missing) AS missing
    FROM perps.completeness_gaps AS g
    CROSS JOIN LATERAL generate_series(
        date_trunc('day', g.after_time AT TIME ZONE 'UTC'), date_trunc('day', g.before_time AT TIME ZONE 'UTC'), interval '1 day'
    ) AS day
    GROUP BY day, g.protocol, g.evidence
)
SELECT
    day,
    protocol,
    evidence,
    coalesce(p.chains, 0) AS chains,
    coalesce(p.events, 0) AS events,
    coalesce(p.readings, 0) AS readings,
    coalesce(b.gaps, 0) AS gaps,
    coalesce(b.unexplained_gaps, 0) AS unexplained_gaps,
    coalesce(b.missing, 0) AS missing,
    coalesce(p.open_chains, 0) AS open_chains,
    c.coverage,
    CASE
        WHEN waiting.is_so THEN 'pending'
        WHEN b.unexplained_gaps > b.bounded_gaps THEN 'broken'
        WHEN b.unsettled_gaps > 0 OR c.coverage IS DISTINCT FROM 'full' THEN 'unsettled'
        WHEN b.bounded_gaps > 0 THEN 'bounded'
        WHEN b.gaps > 0 THEN 'truncated'
        WHEN evidence = 'lp_supply' AND p.tied = 0 THEN 'not_provable'
        WHEN p.open_chains > 0 THEN 'open'
        ELSE 'whole'
    END AS state
FROM proven AS p
FULL JOIN broken AS b USING (day, protocol, evidence)
LEFT JOIN perps.coverage_daily AS c USING (day, protocol)
CROSS JOIN LATERAL (
    SELECT EXISTS (
        SELECT FROM ledger.dirty_proofs AS d
        WHERE d.protocol = p.protocol AND d.bucket BETWEEN p.first_bucket AND p.last_bucket
    ) AS is_so
) AS waiting;

COMMENT ON VIEW perps.completeness_daily IS 'What of each UTC day is proven complete, by protocol and evidence. What has neither counter nor chain is not in it: it rests on coverage alone.';
COMMENT ON COLUMN perps.completeness_daily.day IS 'UTC day.';
COMMENT ON COLUMN perps.completeness_daily.protocol IS 'drift, jupiter_perps or gmx_solana.';
COMMENT ON COLUMN perps.completeness_daily.evidence IS 'As in completeness_gaps.';
COMMENT ON COLUMN perps.completeness_daily.chains IS 'Markets, positions or tokens that told anything on that day.';
COMMENT ON COLUMN perps.completeness_daily.events IS 'Events that are links of a chain.';
COMMENT ON COLUMN perps.completeness_daily.readings IS 'Readings that tie chains down: of accounts, and of events that only tell what stands.';
COMMENT ON COLUMN perps.completeness_daily.gaps IS 'Gaps that touch the day.';
COMMENT ON COLUMN perps.completeness_daily.unexplained_gaps IS 'Of them, those that neither unsettled slots nor truncated logs explain.';
COMMENT ON COLUMN perps.completeness_daily.missing IS 'Numbers that are missing in all gaps that touch the day; what is not numbered is not in it.';
COMMENT ON COLUMN perps.completeness_daily.open_chains IS 'Counters and sums of which nothing tells yet whether their last event of the day was the last one.';
COMMENT ON COLUMN perps.completeness_daily.coverage IS 'full, partial or none, as in coverage_daily.';
COMMENT ON COLUMN perps.completeness_daily.state IS 'whole; open: no gap, but an end is not told yet; not_provable: no reading; truncated: whole but for what cut logs hide; bounded: the same, but nobody else was asked whether they hide all of it; unsettled: slots are missing; broken: something is lost; pending: rows changed since it was proven.';

CREATE VIEW perps.second_opinions AS
SELECT
    o.endpoint,
    o.protocol,
    o.slots,
    o.rows,
    o.differing,
    ledger.ratio(o.differing, o.rows, 9) AS disagreement,
    o.asked_at
FROM ledger.second_opinions AS o;

COMMENT ON VIEW perps.second_opinions IS 'Settled slots that were fetched again from another endpoint (verify --second), and how often it told otherwise.';
COMMENT ON COLUMN perps.second_opinions.endpoint IS 'Who was asked, without credentials.';
COMMENT ON COLUMN perps.second_opinions.protocol IS 'drift, jupiter_perps or gmx_solana.';
COMMENT ON COLUMN perps.second_opinions.slots IS 'Slots that it told whole, over all samples.';
COMMENT ON COLUMN perps.second_opinions.rows IS 'Rows of these slots that were compared.';
COMMENT ON COLUMN perps.second_opinions.differing IS 'Rows that it told otherwise, or that only one of the two has; each is in differences.';
COMMENT ON COLUMN perps.second_opinions.disagreement IS 'differing over rows; NULL where nothing was compared.';
COMMENT ON COLUMN perps.second_opinions.asked_at IS 'When it was last asked, UTC.';
