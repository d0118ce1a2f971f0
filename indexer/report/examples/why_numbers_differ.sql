-- Why is our number another than that of DefiLlama or Dune?
-- Look at: the same day by their definition, made of our rows, and what that definition is.
-- Pitfalls: theirs is not read from them, so that their own errors and delays are not in it. NULL: events do not tell what
-- they count.
WITH last AS (
    SELECT protocol, max(day) AS day FROM perps.coverage_daily WHERE coverage = 'full' GROUP BY protocol
)
SELECT
    r.day,
    r.protocol,
    r.metric,
    r.source,
    r.ours_usd,
    r.theirs_usd,
    r.difference_usd,
    perps.ratio(100 * r.difference_usd, r.ours_usd, 2) AS difference_percent,
    r.definition
FROM perps.reconciliation AS r
JOIN last USING (protocol, day)
ORDER BY r.protocol, r.metric, r.source;
