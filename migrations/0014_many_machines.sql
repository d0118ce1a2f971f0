-- Backfills on many machines: how far each worker is, who shares an endpoint's budget, and how long rows are kept.

-- How each worker fares with a stream. A worker replaces its rows; those of dead ones are dropped.
CREATE TABLE ledger.workers (
    holder         text         NOT NULL,
    stream         text         NOT NULL,
    settled_slots  bigint       NOT NULL,
    transactions   bigint       NOT NULL,
    slots_per_s    numeric      NOT NULL,
    started_at     timestamptz  NOT NULL DEFAULT now(),
    seen_at        timestamptz  NOT NULL DEFAULT now(),
    PRIMARY KEY (holder, stream)
) WITH (fillfactor = 50);
COMMENT ON TABLE ledger.workers IS 'What each process that fills history did of a stream. Coverage alone says what is done.';
COMMENT ON COLUMN ledger.workers.settled_slots IS 'Slots that it settled since it started.';
COMMENT ON COLUMN ledger.workers.slots_per_s IS 'Slots that it settled a second, over the last minute.';

-- Who asks an endpoint now. Its address is not here: a keyed hash of it is, and its host for people.
CREATE TABLE ledger.rate_leases (
    endpoint     bytea        NOT NULL,
    holder       text         NOT NULL,
    name         text         NOT NULL,
    lease_until  timestamptz  NOT NULL,
    PRIMARY KEY (endpoint, holder)
) WITH (fillfactor = 50);
COMMENT ON TABLE ledger.rate_leases IS 'Who shares the budget of an endpoint: each living holder has an equal part.';
COMMENT ON COLUMN ledger.rate_leases.endpoint IS 'A keyed hash of its address.';
COMMENT ON COLUMN ledger.rate_leases.name IS 'Its host, without credentials.';

-- The key of these hashes, so that they tell nothing to whoever knows addresses but not this ledger.
CREATE TABLE ledger.lease_key (
    is_only  boolean  PRIMARY KEY DEFAULT true CHECK (is_only),
    key      bytea    NOT NULL
);
COMMENT ON TABLE ledger.lease_key IS 'The key with which addresses of endpoints are hashed; one row.';

-- Below which slot something was let go on purpose: `raw` bytes alone, or `all` rows together with their coverage. Whoever
-- writes rows holds a lock, shared with all other writers, under which these borders stand still.
CREATE TABLE ledger.retention (
    kind     text         PRIMARY KEY CHECK (kind IN ('raw', 'all')),
    border   bigint       NOT NULL,
    at       timestamptz  NOT NULL DEFAULT now()
);
COMMENT ON TABLE ledger.retention IS 'What was let go on purpose. Writers, reprocess and proofs begin behind it.';
COMMENT ON COLUMN ledger.retention.border IS 'First slot of which it is still there.';

-- Partitions that lie as a whole below a slot, oldest first, and how to let each go: two statements, to be run outside of
-- any transaction, that no writer and no reader waits for. `detach` is NULL where a drop was broken off before; a detaching
-- that was broken off is finished.
CREATE FUNCTION ledger.partitions_below(border bigint, only_raw boolean)
RETURNS TABLE (part name, detach text, "drop" text) LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT
        part.relname,
        CASE WHEN i.inhrelid IS NOT NULL THEN format(
            'ALTER TABLE ledger.%I DETACH PARTITION ledger.%I %s', parent.relname, part.relname,
            CASE WHEN i.inhdetachpending THEN 'FINALIZE' ELSE 'CONCURRENTLY' END
        ) END,
        format('DROP TABLE ledger.%I', part.relname)
    FROM pg_class AS parent
    JOIN pg_class AS part
        ON part.relnamespace = parent.relnamespace AND part.relkind = 'r'
        AND part.relname ~ ('^' || parent.relname || '_p[0-9]+$')
    LEFT JOIN pg_inherits AS i ON i.inhparent = parent.oid AND i.inhrelid = part.oid
    WHERE parent.relnamespace = 'ledger'::regnamespace AND parent.relkind = 'p'
        AND (NOT only_raw OR parent.relname = 'events')
        AND (substring(part.relname FROM '_p([0-9]+)$')::bigint + 1) * 6480000 <= border
    ORDER BY substring(part.relname FROM '_p([0-9]+)$')::bigint, parent.relname
$$;
COMMENT ON FUNCTION ledger.partitions_below IS 'Partitions of all tables, or of raw bytes alone, that end at a slot or below, and the statements that let them go.';
REVOKE EXECUTE ON FUNCTION ledger.partitions_below FROM PUBLIC;

-- Have borders for oneself until the transaction ends: no page, no reprocess and no proof is amid its work. False where
-- one of them takes longer than writers that come behind us shall wait.
CREATE FUNCTION ledger.hold_borders() RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('ledger.proofs', 0));
    PERFORM pg_advisory_xact_lock(x'72657461'::int, 0);  -- That of store/slot_locks.py.
    RETURN true;
EXCEPTION WHEN lock_not_available THEN
    RETURN false;
END $$;
COMMENT ON FUNCTION ledger.hold_borders IS 'Lock out writers and proofs for a transaction; false: somebody is amid long work.';
REVOKE EXECUTE ON FUNCTION ledger.hold_borders FROM PUBLIC;

-- Let everything below a slot be wanted no more, and count as not there, so that nothing is called settled and empty when
-- its rows go: coverage, and all that is summed up of these slots. Writers leave out what lies below from now on. Gives
-- false, and does nothing, where somebody works there.
CREATE FUNCTION ledger.forget_below(border bigint) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    stays CONSTANT int8multirange := int8multirange(int8range(border, NULL));
BEGIN
    IF NOT ledger.hold_borders() THEN
        RETURN false;
    END IF;
    PERFORM pg_advisory_xact_lock(x'636c61696d73'::bigint);  -- That of claims.
    IF EXISTS (SELECT FROM ledger.claims WHERE lower(slots) < border AND lease_until > now()) THEN
        RETURN false;
    END IF;
    PERFORM ledger.forget_raw_below(border);
    UPDATE ledger.streams SET
        wanted_from = CASE WHEN wanted_from IS NOT NULL THEN greatest(wanted_from, border) END,
        asked = asked * stays
    WHERE stream IN (SELECT stream FROM ledger.streams ORDER BY stream FOR UPDATE);
    UPDATE ledger.coverage SET slots = slots * stays
    WHERE stream IN (SELECT stream FROM ledger.coverage ORDER BY stream FOR UPDATE);
    UPDATE ledger.unavailable SET slots = slots * stays;
    DELETE FROM ledger.unavailable WHERE isempty(slots);
    DELETE FROM ledger.differences WHERE slot < border;
    DELETE FROM ledger.digests WHERE (bucket + 1) * 10000 <= border;
    DELETE FROM ledger.digests_waiting WHERE (bucket + 1) * 10000 <= border;
    DELETE FROM ledger.chain_segments WHERE (bucket + 1) * 9000 <= border;
    DELETE FROM ledger.completeness_gaps WHERE after_slot < border;
    INSERT INTO ledger.retention AS r (kind, border) VALUES ('all', border)
    ON CONFLICT (kind) DO UPDATE SET border = greatest(r.border, excluded.border), at = now();
    RETURN true;
END $$;
COMMENT ON FUNCTION ledger.forget_below IS 'What is below a slot is not wanted and not there any more; false: somebody works there.';
REVOKE EXECUTE ON FUNCTION ledger.forget_below FROM PUBLIC;

-- Let bytes below a slot be asked for no more. Rows whose bytes are gone are never made again: whoever tried would find
-- nothing, and delete them. What was proven of them stays proven, and digests stay what they were.
CREATE FUNCTION ledger.forget_raw_below(border bigint) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT ledger.hold_borders() THEN
        RETURN false;
    END IF;
    UPDATE ledger.reprocess_state SET wanted = wanted * int8multirange(int8range(border, NULL));
    DELETE FROM ledger.dirty_proofs WHERE (bucket + 1) * 9000 <= border;
    INSERT INTO ledger.retention AS r (kind, border) VALUES ('raw', border)
    ON CONFLICT (kind) DO UPDATE SET border = greatest(r.border, excluded.border), at = now();
    RETURN true;
END $$;
COMMENT ON FUNCTION ledger.forget_raw_below IS 'Reprocess and proofs begin at this slot; false: somebody is amid long work.';
REVOKE EXECUTE ON FUNCTION ledger.forget_raw_below FROM PUBLIC;
