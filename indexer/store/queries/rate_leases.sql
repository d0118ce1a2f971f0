SELECT endpoint, count(*)::int AS holders FROM ledger.rate_leases
WHERE endpoint = ANY ($1) AND lease_until > statement_timestamp()
GROUP BY endpoint
