-- Buckets to prove, the newest first.
SELECT DISTINCT d.bucket, d.protocol FROM ledger.dirty_proofs AS d
WHERE d.protocol = ANY ($1::text[]) ORDER BY d.bucket DESC, d.protocol LIMIT $2
