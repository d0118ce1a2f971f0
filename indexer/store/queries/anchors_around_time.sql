(SELECT true AS is_before, slot, time FROM ledger.slot_times WHERE time < $1 ORDER BY time DESC, slot DESC LIMIT 1)
UNION ALL
(SELECT false, slot, time FROM ledger.slot_times WHERE time >= $1 ORDER BY time, slot LIMIT 1)
