-- A gap that is the same as before keeps what is known of it.
INSERT INTO ledger.completeness_gaps AS g ({columns}) VALUES ({parameters})
ON CONFLICT (protocol, evidence, chain, before_slot, before_signature, before_tx_index, before_index) DO UPDATE
SET ({columns}) = ({excluded}), cause = NULL, judged = false, found_at = now(), refetched_at = NULL, refetched_from = NULL
WHERE (g.after_slot, g.after_signature, g.expected, g.found)
    IS DISTINCT FROM (excluded.after_slot, excluded.after_signature, excluded.expected, excluded.found)
