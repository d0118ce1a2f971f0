-- Gaps whose cause is not known yet, or was judged when nobody else had to be asked about truncated logs, and those whose
-- slots have been settled meanwhile, with what is known of their slots.
SELECT g.*, settled.is_settled, failed.truncated, failed.unreadable
FROM ledger.completeness_gaps AS g
CROSS JOIN LATERAL (
    SELECT EXISTS (
        SELECT FROM ledger.coverage AS c
        WHERE c.stream = g.protocol AND c.slots @> int8range(g.after_slot, g.before_slot + 1)
    ) AS is_settled
) AS settled
CROSS JOIN LATERAL (
    SELECT
        -- What a transaction lost stood behind all that is there of it.
        count(*) FILTER (
            WHERE f.reason = 'truncated_logs'
                AND (f.slot, f.tx_index) >= (g.after_slot, g.after_tx_index)
                AND (f.slot, f.tx_index) < (g.before_slot, g.before_tx_index)
        ) AS truncated,
        count(*) FILTER (WHERE f.reason NOT IN ('truncated_logs', 'unexpected_length')) AS unreadable
    FROM ledger.failures AS f
    WHERE settled.is_settled AND f.protocol = g.protocol AND f.slot >= g.after_slot AND f.slot <= g.before_slot
        AND f.channel <> 'account'
) AS failed
WHERE g.protocol = ANY ($1::text[])
    AND (
        NOT g.judged OR g.cause = 'unreadable' OR (g.cause = 'truncated' AND g.refetched_at IS NULL) OR (g.cause = 'not_settled' AND settled.is_settled)
    )
ORDER BY g.judged, g.protocol, g.before_slot
LIMIT $2
