WITH waiting AS (
    DELETE FROM ledger.digests_waiting WHERE stream = $1 AND bucket = $2 RETURNING stream, bucket
), kept AS (
    DELETE FROM ledger.digests AS d USING waiting AS w WHERE d.stream = w.stream AND d.bucket = w.bucket
)
SELECT count(*) FROM waiting
