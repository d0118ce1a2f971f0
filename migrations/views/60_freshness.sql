-- When each aggregate was last true. Hourly and daily views are made again where rows change, a few seconds behind them;
-- a materialized view is as old as its last refresh, and as what it read then.

CREATE VIEW perps.freshness AS
SELECT
    'perps.' || c.relname AS name,
    'materialized view' AS kind,
    done.started_at AS as_of,
    done.took_ms,
    NULL::bigint AS waiting,
    NULL::timestamptz AS oldest_waiting,
    failed.finished_at AS failed_at,
    failed.error
FROM pg_class AS c
LEFT JOIN LATERAL (
    SELECT r.started_at, r.took_ms FROM ledger.refreshes AS r
    WHERE r.view = c.relname AND r.error IS NULL
    ORDER BY r.id DESC LIMIT 1
) AS done ON true
LEFT JOIN LATERAL (
    SELECT r.finished_at, r.error FROM ledger.refreshes AS r
    WHERE r.view = c.relname AND r.error IS NOT NULL
    ORDER BY r.id DESC LIMIT 1
) AS failed ON true
WHERE c.relnamespace = 'perps'::regnamespace AND c.relkind = 'm'
UNION ALL
SELECT kind.name, 'rollup', r.rolled_at, r.took_ms, waiting.marks, waiting.oldest, r.failed_at, r.error
FROM (VALUES ('hours'), ('days'), ('holdings')) AS kind (name)
LEFT JOIN ledger.rolls AS r ON r.name = kind.name
CROSS JOIN LATERAL (
    -- Grouped in the order of their keys, so that many marks need no sort.
    SELECT count(*) AS marks, min(oldest) AS oldest
    FROM (
        SELECT min(marked_at) AS oldest FROM ledger.dirty_hours
        WHERE kind.name = 'hours' GROUP BY hour, protocol, market_key
    ) AS hours
    UNION ALL
    SELECT count(*), min(oldest)
    FROM (SELECT min(marked_at) AS oldest FROM ledger.dirty_days WHERE kind.name = 'days' GROUP BY day, protocol) AS days
    UNION ALL
    SELECT count(*), NULL FROM ledger.dirty_holdings WHERE kind.name = 'holdings'
    ORDER BY marks DESC LIMIT 1
) AS waiting;

COMMENT ON VIEW perps.freshness IS 'When each aggregate was last true, and whether something waits or failed.';
COMMENT ON COLUMN perps.freshness.name IS 'The materialized view; or what is rolled up: hours (*_hourly views), days (traders, providers), holdings (TVL, coverage).';
COMMENT ON COLUMN perps.freshness.kind IS 'materialized view or rollup.';
COMMENT ON COLUMN perps.freshness.as_of IS 'Start of the last refresh or run that succeeded: what was rolled up, or written, before is in it. NULL: none since the view was made.';
COMMENT ON COLUMN perps.freshness.took_ms IS 'How long it took, milliseconds.';
COMMENT ON COLUMN perps.freshness.waiting IS 'Of a rollup: hours of markets, days of protocols, or hours of holdings that wait to be made again, each once. 0: it is what all rows give.';
COMMENT ON COLUMN perps.freshness.oldest_waiting IS 'When the oldest waiting mark was last touched.';
COMMENT ON COLUMN perps.freshness.failed_at IS 'When it last failed.';
COMMENT ON COLUMN perps.freshness.error IS 'Why.';
