-- In one order, so that two holders that renew at once do not wait for each other in a circle.
INSERT INTO ledger.rate_leases AS l (endpoint, holder, name, lease_until)
SELECT budget.key, $1, budget.name, statement_timestamp() + make_interval(secs => $4)
FROM unnest($2::bytea[], $3::text[]) AS budget (key, name)
ORDER BY budget.key
ON CONFLICT (endpoint, holder) DO UPDATE SET name = excluded.name, lease_until = excluded.lease_until
