SELECT min(slot) AS first, max(slot) + 1 AS behind
FROM (
    SELECT slot FROM ledger.events WHERE channel <> 'account'
    UNION ALL
    SELECT slot FROM ledger.failures WHERE channel <> 'account'
) AS payloads
