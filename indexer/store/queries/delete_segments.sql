-- Take away what a bucket had: which chains those were.
DELETE FROM ledger.chain_segments AS s WHERE s.protocol = $1 AND s.bucket = $2 RETURNING s.evidence, s.chain
