INSERT INTO ledger.workers AS w (holder, stream, settled_slots, transactions, slots_per_s)
SELECT $1, work.stream, work.settled_slots, work.transactions, work.slots_per_s
FROM unnest($2::text[], $3::int8[], $4::int8[], $5::numeric[]) AS work (stream, settled_slots, transactions, slots_per_s)
ORDER BY work.stream
ON CONFLICT (holder, stream) DO UPDATE SET
    settled_slots = excluded.settled_slots,
    transactions = excluded.transactions,
    slots_per_s = excluded.slots_per_s,
    seen_at = excluded.seen_at
