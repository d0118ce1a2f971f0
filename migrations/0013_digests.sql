-- One number for the settled payloads of each bucket of slots, moved in the transaction that moves the rows: two ledgers
-- that hold the same have the same numbers, whatever way and in whatever order they were filled. See indexer/core/digest.py.

CREATE FUNCTION ledger.digest_modulus() RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN 115792089237316195423570985008687907853269984665640564039457584007913129639936;
COMMENT ON FUNCTION ledger.digest_modulus IS '2 to the power of 256.';

-- As with marks each session has rows of its own, so that no writer of a bucket waits for another. A page moves the same
-- few rows as the page before: room for their next versions lies beside them.
CREATE TABLE ledger.digests (
    stream    text     NOT NULL,
    bucket    bigint   NOT NULL,
    payloads  bigint   NOT NULL,
    digest    numeric  NOT NULL CHECK (digest >= 0 AND digest < ledger.digest_modulus()),
    writer    integer  NOT NULL DEFAULT pg_backend_pid(),
    PRIMARY KEY (stream, bucket, writer)
) WITH (fillfactor = 50);
COMMENT ON TABLE ledger.digests IS 'Settled payloads by stream and bucket of 10,000 slots: the sum over all writers counts.';
COMMENT ON COLUMN ledger.digests.payloads IS 'Came less went; negative where another session had written what went.';
COMMENT ON COLUMN ledger.digests.digest IS 'Sum of the SHA-256 of every payload with its identity, modulo 2 to the power of 256.';
COMMENT ON COLUMN ledger.digests.writer IS 'Process of the session that wrote them.';

-- What is settled already counts when its bucket is built, each in a transaction of its own, by the first `digest` that
-- asks for it: to hash years of payloads here would keep all writers out for as long.
CREATE TABLE ledger.digests_waiting (
    stream  text    NOT NULL,
    bucket  bigint  NOT NULL,
    PRIMARY KEY (stream, bucket)
);
COMMENT ON TABLE ledger.digests_waiting IS 'Buckets that were filled before digests were kept, and were not computed since.';
INSERT INTO ledger.digests_waiting (stream, bucket)
SELECT DISTINCT c.stream, b.bucket
FROM ledger.coverage AS c
CROSS JOIN LATERAL unnest(c.slots) AS span (slots)
CROSS JOIN LATERAL generate_series(lower(span.slots) / 10000, (upper(span.slots) - 1) / 10000) AS b (bucket);
