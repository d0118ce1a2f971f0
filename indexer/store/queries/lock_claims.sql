-- One change of claims after another; nothing else is waited for while it is held. "claims" as bytes.
SELECT pg_advisory_xact_lock(x'636c61696d73'::bigint)
