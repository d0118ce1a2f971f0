-- The time of a slot, as near as its neighbours tell it.

-- Block times of some settled slots are kept; between two of them time runs evenly, outside a slot takes 0.4 s. With the
-- owner's rights, since readers see no table of the ledger.
CREATE OR REPLACE FUNCTION perps.time_of(slot bigint) RETURNS timestamptz
LANGUAGE sql STABLE STRICT PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE
        WHEN before.slot IS NULL THEN after.time - (after.slot - $1) * interval '0.4 s'
        WHEN after.slot IS NULL OR after.slot = before.slot THEN before.time + ($1 - before.slot) * interval '0.4 s'
        ELSE before.time + (after.time - before.time) * (($1 - before.slot)::float8 / (after.slot - before.slot))
    END
    FROM (SELECT) AS always
    LEFT JOIN (SELECT s.slot, s.time FROM ledger.slot_times AS s WHERE s.slot <= $1 ORDER BY s.slot DESC LIMIT 1) AS before ON true
    LEFT JOIN (SELECT s.slot, s.time FROM ledger.slot_times AS s WHERE s.slot >= $1 ORDER BY s.slot LIMIT 1) AS after ON true
$$;
COMMENT ON FUNCTION perps.time_of IS 'About when a slot was, UTC; NULL where no block time is known at all.';

-- Slots around a moment, to read rows in the order of slots without those far from it. Block times never go back.
CREATE OR REPLACE FUNCTION perps.slot_before(moment timestamptz) RETURNS bigint
LANGUAGE sql STABLE STRICT PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce((SELECT s.slot FROM ledger.slot_times AS s WHERE s.time < $1 ORDER BY s.time DESC, s.slot DESC LIMIT 1), -1)
$$;
COMMENT ON FUNCTION perps.slot_before IS 'A slot before this moment, not far from it: whatever has a block time from it on lies behind; -1 where none is known.';

CREATE OR REPLACE FUNCTION perps.slot_after(moment timestamptz) RETURNS bigint
LANGUAGE sql STABLE STRICT PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce((SELECT s.slot FROM ledger.slot_times AS s WHERE s.time > $1 ORDER BY s.time, s.slot LIMIT 1), 9223372036854775807)
$$;
COMMENT ON FUNCTION perps.slot_after IS 'A slot after this moment, not far from it: whatever has a block time before it lies below; the largest number where none is known.';
