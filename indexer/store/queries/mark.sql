-- Mark what rows that come or go change: hours with their days, prices, amounts, owners, proofs; and move digests. A mark
-- that the same session left before is touched: who takes it away waits for this transaction. Sessions have marks and
-- digests of their own, so that no writer waits for another.
WITH bucket AS (
    SELECT hour, protocol, market_key
    FROM unnest($1::timestamptz[], $2::text[], $3::text[]) AS bucket (hour, protocol, market_key)
), days AS (
    INSERT INTO ledger.dirty_days (day, protocol)
    SELECT DISTINCT (hour AT TIME ZONE 'UTC')::date, protocol FROM bucket
    ON CONFLICT (day, protocol, writer) DO UPDATE SET marked_at = now()
), prices AS (
    INSERT INTO ledger.dirty_prices (hour, protocol, mint)
    SELECT hour, protocol, mint
    FROM unnest($4::timestamptz[], $5::text[], $6::bytea[]) AS told (hour, protocol, mint)
    ON CONFLICT (hour, protocol, mint, writer) DO UPDATE SET marked_at = now()
), amounts AS (
    INSERT INTO ledger.dirty_amounts (hour, protocol, component, component_key, holding)
    SELECT hour, protocol, component, component_key, holding
    FROM unnest($7::timestamptz[], $8::text[], $9::text[], $10::text[], $11::bytea[])
        AS told (hour, protocol, component, component_key, holding)
    ON CONFLICT (hour, protocol, component, component_key, holding, writer) DO UPDATE SET marked_at = now()
), owners AS (
    INSERT INTO ledger.dirty_owners (protocol, action_key)
    SELECT protocol, action_key FROM unnest($12::text[], $13::bytea[]) AS told (protocol, action_key)
    ON CONFLICT (protocol, action_key, writer) DO UPDATE SET marked_at = now()
), proofs AS (
    INSERT INTO ledger.dirty_proofs (bucket, protocol)
    SELECT bucket, protocol FROM unnest($14::int8[], $15::text[]) AS changed (bucket, protocol)
    ON CONFLICT (bucket, protocol, writer) DO UPDATE SET marked_at = now()
), digests AS (
    INSERT INTO ledger.digests AS d (stream, bucket, payloads, digest)
    SELECT stream, bucket, payloads, digest
    FROM unnest($16::text[], $17::int8[], $18::int8[], $19::numeric[]) AS changed (stream, bucket, payloads, digest)
    ON CONFLICT (stream, bucket, writer) DO UPDATE SET
        payloads = d.payloads + excluded.payloads,
        digest = mod(d.digest + excluded.digest, ledger.digest_modulus())
)
INSERT INTO ledger.dirty_hours (hour, protocol, market_key)
SELECT hour, protocol, market_key FROM bucket
ON CONFLICT (hour, protocol, market_key, writer) DO UPDATE SET marked_at = now()
