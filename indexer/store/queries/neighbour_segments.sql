-- Of each chain the stretches beside a bucket, back to the nearest one that tells a value and on to the next one. A chain
-- of which nothing is known there has nothing to be joined to.
SELECT near.*
FROM unnest($2::text[], $3::text[]) AS a (evidence, chain)
CROSS JOIN LATERAL (
    SELECT s.* FROM ledger.chain_segments AS s
    WHERE s.protocol = $1 AND s.evidence = a.evidence AND s.chain = a.chain AND s.bucket < $4 AND s.bucket >= (
        SELECT max(k.bucket) FROM ledger.chain_segments AS k
        WHERE k.protocol = $1 AND k.evidence = a.evidence AND k.chain = a.chain AND k.bucket < $4 AND k.last_slot IS NOT NULL
    )
    UNION ALL
    SELECT s.* FROM ledger.chain_segments AS s
    WHERE s.protocol = $1 AND s.evidence = a.evidence AND s.chain = a.chain AND s.bucket > $4 AND s.bucket <= (
        SELECT min(k.bucket) FROM ledger.chain_segments AS k
        WHERE k.protocol = $1 AND k.evidence = a.evidence AND k.chain = a.chain AND k.bucket > $4 AND k.last_slot IS NOT NULL
    )
) AS near
ORDER BY near.evidence, near.chain, near.bucket, near.day
