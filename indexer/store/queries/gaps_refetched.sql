-- These slots were fetched once more, whole, or all that may be missing of one chain: gaps that lie in them wait for a
-- judgement.
UPDATE ledger.completeness_gaps SET judged = false, refetched_at = now(), refetched_from = $4
WHERE protocol = $1 AND evidence <> 'rows' AND after_slot >= $2 AND before_slot < $3
    AND ($5::text IS NULL OR (evidence = $5 AND chain = $6))
