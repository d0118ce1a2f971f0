INSERT INTO ledger.providers AS p
    (holder, endpoint, method, requests, errors, rate_limited, latency_ms, rate_per_s, observed_slot, first_slot,
     quarantined_until, last_error, seen_at)
SELECT $1, h.endpoint, h.method, h.requests, h.errors, h.rate_limited, h.latency_ms, h.rate_per_s, h.observed_slot,
    h.first_slot, now() + make_interval(secs => h.quarantine_s), h.last_error, now()
FROM unnest($2::text[], $3::text[], $4::int8[], $5::int8[], $6::int8[], $7::int4[], $8::numeric[], $9::int8[],
    $10::int8[], $11::float8[], $12::text[])
    AS h (endpoint, method, requests, errors, rate_limited, latency_ms, rate_per_s, observed_slot, first_slot,
        quarantine_s, last_error)
ORDER BY h.endpoint, h.method
ON CONFLICT (holder, endpoint, method) DO UPDATE SET
    requests = excluded.requests,
    errors = excluded.errors,
    rate_limited = excluded.rate_limited,
    latency_ms = excluded.latency_ms,
    rate_per_s = excluded.rate_per_s,
    observed_slot = excluded.observed_slot,
    first_slot = excluded.first_slot,
    quarantined_until = excluded.quarantined_until,
    last_error = excluded.last_error,
    seen_at = excluded.seen_at
