-- Keep the last $2 of a view.
DELETE FROM ledger.refreshes
WHERE view = $1 AND id <= (SELECT id FROM ledger.refreshes WHERE view = $1 ORDER BY id DESC LIMIT 1 OFFSET $2)
