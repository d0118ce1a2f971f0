-- What stands on every page: the cluster, the version of the views, and what their numbers wait for.
SELECT
    c.name AS cluster,
    c.genesis_hash,
    v.version,
    f.oldest_view,
    f.waiting,
    f.failed
FROM perps.version AS v
LEFT JOIN perps.cluster AS c ON true
CROSS JOIN (
    SELECT min(as_of) FILTER (WHERE kind = 'materialized view') AS oldest_view,
        coalesce(sum(waiting), 0)::bigint AS waiting,
        count(*) FILTER (WHERE failed_at > as_of OR (failed_at IS NOT NULL AND as_of IS NULL)) AS failed
    FROM perps.freshness
) AS f
