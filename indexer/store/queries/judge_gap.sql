UPDATE ledger.completeness_gaps SET cause = $1, judged = true
WHERE protocol = $2 AND evidence = $3 AND chain = $4 AND before_slot = $5 AND before_signature = $6
    AND before_tx_index = $7 AND before_index = $8
