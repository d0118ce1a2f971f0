INSERT INTO ledger.dirty_days (day, protocol)
SELECT DISTINCT (hour AT TIME ZONE 'UTC')::date, protocol
FROM unnest($1::timestamptz[], $2::text[]) AS bucket (hour, protocol)
ON CONFLICT (day, protocol, writer) DO UPDATE SET marked_at = now()
