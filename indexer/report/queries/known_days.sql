-- $1 protocols. Where known days begin and end, for somebody who asks for another.
SELECT min(day) AS first_day, max(day) AS last_day, max(day) FILTER (WHERE coverage = 'full') AS last_full_day
FROM perps.coverage_daily
WHERE protocol = ANY ($1::text[])
