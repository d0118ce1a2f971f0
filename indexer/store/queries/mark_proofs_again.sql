-- Buckets of these slots that have anything: settled events, or what was proven before.
INSERT INTO ledger.dirty_proofs (bucket, protocol)
SELECT DISTINCT e.slot / $4, e.protocol FROM ledger.events AS e
WHERE e.protocol = ANY ($1::text[]) AND e.slot >= $2 AND e.slot < $3 AND e.settled
UNION
SELECT DISTINCT s.bucket, s.protocol FROM ledger.chain_segments AS s
WHERE s.protocol = ANY ($1::text[]) AND s.bucket >= $2 / $4 AND s.bucket <= ($3 - 1) / $4
UNION
SELECT DISTINCT g.before_slot / $4, g.protocol FROM ledger.completeness_gaps AS g
WHERE g.protocol = ANY ($1::text[]) AND g.before_slot >= $2 AND g.before_slot < $3
ON CONFLICT (bucket, protocol, writer) DO UPDATE SET marked_at = now()
