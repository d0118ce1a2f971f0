-- $1 the latest day asked for, NULL: none; $2 protocols. The last day that is full in one of them.
SELECT max(day) AS last_day
FROM perps.coverage_daily
WHERE coverage = 'full' AND protocol = ANY ($2::text[]) AND ($1::date IS NULL OR day <= $1)
