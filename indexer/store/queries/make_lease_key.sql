-- 32 bytes of the server's strong randomness, made by whoever comes first.
INSERT INTO ledger.lease_key (key)
SELECT sha256((gen_random_uuid()::text || gen_random_uuid()::text || gen_random_uuid()::text)::bytea)
WHERE NOT EXISTS (SELECT FROM ledger.lease_key)
ON CONFLICT DO NOTHING
