-- Digests of settled payloads: see `perps-indexer digest`, which also tells buckets without payloads, and transactions.

CREATE VIEW perps.digests AS
SELECT
    d.stream AS protocol,
    d.bucket * 10000 AS first_slot,
    d.bucket * 10000 + 9999 AS last_slot,
    coalesce(c.slots @> int8range(d.bucket * 10000, (d.bucket + 1) * 10000), false) AS settled,
    CASE WHEN w.bucket IS NULL THEN d.payloads END AS payloads,
    CASE WHEN w.bucket IS NULL THEN hex.digits END AS digest
FROM (
    SELECT stream, bucket, sum(payloads)::bigint AS payloads, mod(sum(digest), ledger.digest_modulus()) AS digest
    FROM (
        SELECT stream, bucket, payloads, digest FROM ledger.digests
        UNION ALL
        SELECT stream, bucket, 0, 0 FROM ledger.digests_waiting
    ) AS part
    GROUP BY stream, bucket
) AS d
LEFT JOIN ledger.digests_waiting AS w ON w.stream = d.stream AND w.bucket = d.bucket
LEFT JOIN ledger.coverage AS c ON c.stream = d.stream
CROSS JOIN LATERAL (
    -- Eight digits at a time: to_hex takes no number of 256 bits.
    SELECT string_agg(lpad(to_hex(mod(div(d.digest, 4294967296::numeric ^ n), 4294967296)::bigint), 8, '0'), '' ORDER BY n DESC)
        AS digits
    FROM generate_series(0, 7) AS n
) AS hex
WHERE w.bucket IS NOT NULL OR d.payloads <> 0 OR d.digest <> 0;

COMMENT ON VIEW perps.digests IS 'One number for the settled payloads of 10,000 slots: two ledgers that hold the same have the same, however they were filled.';
COMMENT ON COLUMN perps.digests.protocol IS 'drift, jupiter_perps or gmx_solana.';
COMMENT ON COLUMN perps.digests.first_slot IS 'First slot of the bucket. Buckets without payloads have no row.';
COMMENT ON COLUMN perps.digests.last_slot IS 'Last slot of the bucket.';
COMMENT ON COLUMN perps.digests.settled IS 'Whether every slot of it is settled; else what is still to come changes the digest.';
COMMENT ON COLUMN perps.digests.payloads IS 'How many payloads are settled, read or not; NULL: the bucket is older than digests, and `perps-indexer digest` was not asked for it yet.';
COMMENT ON COLUMN perps.digests.digest IS 'Sum of the SHA-256 of every payload with its place, modulo 2 to the power of 256, as 64 hex digits; NULL as payloads.';
