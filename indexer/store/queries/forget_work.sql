-- What nobody renews. Two who forget at once skip each other's.
DELETE FROM ledger.workers WHERE (holder, stream) IN (
    SELECT holder, stream FROM ledger.workers WHERE seen_at < now() - make_interval(secs => $1) FOR UPDATE SKIP LOCKED
)
