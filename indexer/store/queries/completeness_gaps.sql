-- Gaps that touch these slots: what is unexplained first, then by length.
SELECT g.* FROM ledger.completeness_gaps AS g
WHERE g.protocol = $1 AND g.before_slot >= $2 AND g.after_slot < $3
ORDER BY coalesce(g.cause IN ('not_settled', 'truncated'), false), g.before_slot - g.after_slot, g.before_slot, g.evidence, g.chain
LIMIT $4
