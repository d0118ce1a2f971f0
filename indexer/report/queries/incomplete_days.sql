-- $1 last day, $2 days, $3 protocols. Days of the window that are not full, with how much of them was seen.
SELECT
    p.protocol,
    wanted.day::date AS day,
    coalesce(c.coverage, 'none') AS coverage,
    coalesce(c.covered_fraction, 0) AS covered_fraction
FROM unnest($3::text[]) WITH ORDINALITY AS p (protocol, place)
CROSS JOIN generate_series(($1::date - $2::int + 1)::timestamp, $1::date::timestamp, interval '1 day') AS wanted (day)
LEFT JOIN perps.coverage_daily AS c ON c.protocol = p.protocol AND c.day = wanted.day::date
WHERE coalesce(c.coverage, 'none') <> 'full'
ORDER BY p.place, wanted.day
