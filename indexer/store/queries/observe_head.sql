-- The newest word counts, also where a node that lags says less: a wrong one must not stay for ever.
INSERT INTO ledger.streams AS s (stream, holder, finalized_slot, confirmed_slot, seen_at)
SELECT stream, $2, $3, $4, now() FROM unnest($1::text[]) AS stream ORDER BY stream
ON CONFLICT (stream) DO UPDATE SET
    holder = excluded.holder,
    finalized_slot = coalesce(excluded.finalized_slot, s.finalized_slot),
    confirmed_slot = coalesce(excluded.confirmed_slot, s.confirmed_slot),
    seen_at = excluded.seen_at
