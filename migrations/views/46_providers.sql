-- How endpoints fare, as each daemon sees them.

CREATE VIEW perps.providers AS
SELECT
    p.endpoint,
    p.method,
    p.requests,
    p.errors,
    p.rate_limited,
    p.latency_ms,
    p.rate_per_s,
    p.observed_slot,
    p.first_slot,
    CASE WHEN p.quarantined_until > now() THEN p.quarantined_until END AS quarantined_until,
    p.last_error,
    p.holder,
    p.seen_at
FROM ledger.providers AS p;

COMMENT ON VIEW perps.providers IS 'Health of endpoints by method, as each daemon sees it; rows of daemons that are silent for ten minutes go.';
COMMENT ON COLUMN perps.providers.endpoint IS 'The endpoint, without its credentials.';
COMMENT ON COLUMN perps.providers.method IS 'RPC method or kind of request.';
COMMENT ON COLUMN perps.providers.requests IS 'Requests since the daemon started.';
COMMENT ON COLUMN perps.providers.errors IS 'Of these, how many failed in any way but a rate limit.';
COMMENT ON COLUMN perps.providers.rate_limited IS 'Of these, how many were refused by a rate limit.';
COMMENT ON COLUMN perps.providers.latency_ms IS 'Typical time until the answer, milliseconds.';
COMMENT ON COLUMN perps.providers.rate_per_s IS 'Requests a second that the daemon allows itself now.';
COMMENT ON COLUMN perps.providers.observed_slot IS 'Newest slot that the endpoint was seen at.';
COMMENT ON COLUMN perps.providers.first_slot IS 'First block that the endpoint has.';
COMMENT ON COLUMN perps.providers.quarantined_until IS 'Not asked before this time, UTC; NULL: it is asked.';
COMMENT ON COLUMN perps.providers.last_error IS 'The last error, without credentials.';
COMMENT ON COLUMN perps.providers.holder IS 'Which daemon says so.';
COMMENT ON COLUMN perps.providers.seen_at IS 'When it said so, UTC.';
