SELECT
    f.protocol, f.program_id, f.reason, f.event, f.discriminator,
    count(*) AS count, min(f.slot) AS first_slot, max(f.slot) AS last_slot,
    (array_agg(f.detail ORDER BY f.slot DESC, f.signature DESC, f.index DESC))[1] AS detail
FROM ledger.failures AS f
GROUP BY f.protocol, f.program_id, f.reason, f.event, f.discriminator
ORDER BY count(*) DESC, f.protocol, f.program_id, f.reason, f.event NULLS FIRST, f.discriminator NULLS FIRST
LIMIT $1
