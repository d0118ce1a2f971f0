-- A plain insert: whoever writes holds the lock of the stream and has read what is there, so a conflict is a bug.
INSERT INTO ledger.{table} ({columns}) VALUES ({parameters})
