-- A mark that the same session left before is touched: who takes it away waits for this transaction. Sessions have marks of
-- their own, so that no writer waits for another.
WITH bucket AS (
    SELECT hour, protocol, market_key
    FROM unnest($1::timestamptz[], $2::text[], $3::text[]) AS bucket (hour, protocol, market_key)
), days AS (
    INSERT INTO ledger.dirty_days (day, protocol)
    SELECT DISTINCT (hour AT TIME ZONE 'UTC')::date, protocol FROM bucket
    ON CONFLICT (day, protocol, writer) DO UPDATE SET marked_at = now()
)
INSERT INTO ledger.dirty_hours (hour, protocol, market_key)
SELECT hour, protocol, market_key FROM bucket
ON CONFLICT (hour, protocol, market_key, writer) DO UPDATE SET marked_at = now()
