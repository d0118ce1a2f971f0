-- Also a mark that is there is touched: who takes it away waits for this transaction.
WITH bucket AS (
    SELECT hour, protocol, market_key
    FROM unnest($1::timestamptz[], $2::text[], $3::text[]) AS bucket (hour, protocol, market_key)
), days AS (
    INSERT INTO ledger.dirty_days (day, protocol)
    SELECT DISTINCT (hour AT TIME ZONE 'UTC')::date, protocol FROM bucket ORDER BY 1, 2
    ON CONFLICT (day, protocol) DO UPDATE SET marked_at = now()
)
INSERT INTO ledger.dirty_hours (hour, protocol, market_key)
SELECT hour, protocol, market_key FROM bucket ORDER BY hour, protocol, market_key
ON CONFLICT (hour, protocol, market_key) DO UPDATE SET marked_at = now()
