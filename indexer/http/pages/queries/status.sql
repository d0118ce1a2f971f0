-- How far each protocol is.
SELECT
    protocol, alive, wanted_from, settled_to, newest_settled, finalized_slot, confirmed_slot, lag_slots, lag_s, missing_slots,
    unavailable_slots, oldest_gap_time, provisional_rows, failures, last_settled_at, last_source, last_endpoint,
    round(extract(epoch FROM now() - head_seen_at))::bigint AS heard_s_ago
FROM perps.status
ORDER BY array_position(ARRAY['gmx_solana', 'jupiter_perps', 'drift'], protocol)
