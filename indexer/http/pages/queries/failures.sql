-- What could not be read, by cause.
SELECT protocol, reason, event, discriminator, count(*) AS payloads, min(slot) AS first_slot, max(slot) AS last_slot,
    max(block_time) AS last_time
FROM perps.failures
GROUP BY protocol, reason, event, discriminator
ORDER BY count(*) DESC, protocol, reason, discriminator
LIMIT 50
