-- $1 last day, $2 days, $3 protocols. How far each is known, and since when nothing was traded there.
SELECT
    p.protocol,
    known.last_full_day,
    known.full_days,
    traded.last_trade_day,
    CASE WHEN traded.last_trade_day <= $1::date - $2::int THEN traded.last_trade_day + 1 END AS stopped_since
FROM unnest($3::text[]) WITH ORDINALITY AS p (protocol, place)
LEFT JOIN LATERAL (
    SELECT max(c.day) FILTER (WHERE c.coverage = 'full') AS last_full_day,
        count(*) FILTER (WHERE c.coverage = 'full' AND c.day > $1::date - $2::int) AS full_days
    FROM perps.coverage_daily AS c
    WHERE c.protocol = p.protocol AND c.day <= $1::date
) AS known ON true
LEFT JOIN LATERAL (
    SELECT max(v.day) AS last_trade_day FROM perps.volume_daily AS v
    WHERE v.protocol = p.protocol AND v.day <= $1::date AND v.trades > 0
) AS traded ON true
ORDER BY p.place
