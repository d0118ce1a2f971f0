INSERT INTO ledger.slot_times (slot, time)
SELECT slot, time FROM unnest($1::int8[], $2::timestamptz[]) AS anchor (slot, time) ORDER BY slot
ON CONFLICT DO NOTHING
