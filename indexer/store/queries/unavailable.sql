SELECT range_agg(slots) FROM ledger.unavailable
WHERE stream = $1 AND ($2::float8 IS NULL OR tried_at <= now() - make_interval(secs => $2))
