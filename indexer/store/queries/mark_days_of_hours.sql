INSERT INTO ledger.dirty_days (day, protocol)
SELECT DISTINCT (hour AT TIME ZONE 'UTC')::date, protocol
FROM unnest($1::timestamptz[], $2::text[]) AS bucket (hour, protocol)
ORDER BY 1, 2
ON CONFLICT (day, protocol) DO UPDATE SET marked_at = now()
