-- Who marked this bucket, and the transaction that touched each mark last.
SELECT d.bucket, d.protocol, d.writer, d.xmin::text AS version
FROM ledger.dirty_proofs AS d WHERE d.bucket = $1 AND d.protocol = $2
