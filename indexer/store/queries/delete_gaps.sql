-- Gaps in front of these places, each from the first to the last slot given with its chain, but for those that are there
-- still: (evidence, chain, slot, signature, transaction, index).
DELETE FROM ledger.completeness_gaps AS g
USING unnest($2::text[], $3::text[], $4::int8[], $5::int8[]) AS a (evidence, chain, first, last)
WHERE g.protocol = $1 AND g.evidence = a.evidence AND g.chain = a.chain AND g.before_slot BETWEEN a.first AND a.last
    AND NOT EXISTS (
        SELECT FROM unnest($6::text[], $7::text[], $8::int8[], $9::bytea[], $10::int4[], $11::int4[])
            AS still (evidence, chain, slot, signature, tx_index, index)
        WHERE still.evidence = g.evidence AND still.chain = g.chain AND still.slot = g.before_slot
            AND still.signature = g.before_signature AND still.tx_index = g.before_tx_index AND still.index = g.before_index
    )
