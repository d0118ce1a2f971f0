-- When each view and rollup was last true, and whether something waits or failed. A daemon at work always has some marks of
-- the last minute before it: nothing that waits.
SELECT
    name, kind, as_of,
    CASE WHEN as_of > now() - interval '1 min' AND coalesce(oldest_waiting > now() - interval '1 min', waiting < 1000)
        THEN 0 ELSE waiting
    END AS waiting,
    oldest_waiting, failed_at, error
FROM perps.freshness
ORDER BY kind, name
