-- The slots of which anything was settled.
SELECT lower(range_merge(c.slots)) AS first, upper(range_merge(c.slots)) AS behind
FROM ledger.coverage AS c WHERE c.stream = $1 AND NOT isempty(c.slots)
