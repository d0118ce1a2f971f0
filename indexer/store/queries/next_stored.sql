SELECT least(
    (SELECT slot FROM ledger.events WHERE slot >= $1 AND channel <> 'account' ORDER BY slot LIMIT 1),
    (SELECT slot FROM ledger.failures WHERE slot >= $1 AND channel <> 'account' ORDER BY slot LIMIT 1)
)
