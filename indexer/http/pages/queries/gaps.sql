-- The newest gaps that are not simply the head, on which a daemon is at work.
SELECT protocol, state, first_slot, last_slot, slots, from_time, to_time
FROM perps.gaps
WHERE NOT at_head
ORDER BY last_slot DESC, protocol, state
LIMIT 50
