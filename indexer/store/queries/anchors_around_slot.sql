(SELECT true AS is_before, slot, time FROM ledger.slot_times WHERE slot <= $1 ORDER BY slot DESC LIMIT 1)
UNION ALL
(SELECT false, slot, time FROM ledger.slot_times WHERE slot >= $1 ORDER BY slot LIMIT 1)
