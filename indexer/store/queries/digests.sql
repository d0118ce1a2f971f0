SELECT bucket, sum(payloads)::bigint AS payloads, mod(sum(digest), ledger.digest_modulus()) AS digest
FROM ledger.digests
WHERE stream = $1 AND bucket >= $2 AND bucket <= $3
GROUP BY bucket
ORDER BY bucket
