UPDATE ledger.reprocess_state SET wanted = wanted - $1::int8multirange WHERE wanted && $1::int8multirange
