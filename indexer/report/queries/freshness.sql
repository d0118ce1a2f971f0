-- When each view and rollup was last true, and whether something waits or failed.
SELECT name, kind, as_of, waiting, oldest_waiting, failed_at, error FROM perps.freshness ORDER BY kind, name
