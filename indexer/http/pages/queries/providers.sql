-- How endpoints fare, as each daemon sees them.
SELECT endpoint, method, requests, errors, rate_limited, latency_ms, rate_per_s, observed_slot, quarantined_until, last_error, seen_at
FROM perps.providers
ORDER BY endpoint, method, holder
LIMIT 200
