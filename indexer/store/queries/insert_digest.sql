INSERT INTO ledger.digests (stream, bucket, payloads, digest) VALUES ($1, $2, $3, $4)
