-- The locks under which rows of some slots are written, until the transaction ends; in this order. See slot_locks.py. The
-- first one, "reta" as bytes, holds the borders of retention where they are: all writers share it.
SELECT pg_advisory_xact_lock_shared(x'72657461'::int, 0)
UNION ALL
SELECT CASE WHEN wanted.is_shared THEN pg_advisory_xact_lock_shared(wanted.grp, wanted.bucket)
    ELSE pg_advisory_xact_lock(wanted.grp, wanted.bucket) END
FROM unnest($1::int[], $2::int[], $3::bool[]) AS wanted (grp, bucket, is_shared)
