-- But for slots whose bytes were let go: what is there of them cannot be made again.
UPDATE ledger.reprocess_state SET wanted = wanted + $1::int8multirange
    - coalesce((SELECT int8multirange(int8range(NULL, border)) FROM ledger.retention WHERE kind = 'raw'), '{{}}')
