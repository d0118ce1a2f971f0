-- What the holder no longer speaks of, and what nobody renews. Two daemons that forget at once skip each other's.
DELETE FROM ledger.providers WHERE (holder, endpoint, method) IN (
    SELECT holder, endpoint, method FROM ledger.providers
    WHERE (holder = $1 AND seen_at <> now()) OR seen_at < now() - make_interval(secs => $2)
    FOR UPDATE SKIP LOCKED
)
