-- What proves that nothing is missing: counters of accounts, stretches of chains, and the gaps between them.

-- How many of something a program has numbered, as its account tells it.
CREATE TABLE ledger.counters (
    protocol         text         NOT NULL,
    program_id       bytea        NOT NULL,
    slot             bigint       NOT NULL,
    signature        bytea        NOT NULL,
    channel          text         NOT NULL CHECK (channel IN ('log', 'cpi', 'account')),
    index            integer      NOT NULL,
    tx_index         integer,
    block_time       timestamptz,
    event            text,
    part             smallint     NOT NULL,
    settled          boolean      NOT NULL,
    decoder_version  smallint     NOT NULL,
    counter_kind     text         NOT NULL,
    market_key       text         NOT NULL,
    value            numeric      NOT NULL,
    PRIMARY KEY (slot, signature, channel, index, part)
) PARTITION BY RANGE (slot);
COMMENT ON TABLE ledger.counters IS 'How many of something a program has numbered, as its account tells it.';
CREATE INDEX counters_provisional ON ledger.counters (protocol, slot) WHERE NOT settled;

-- A ledger that has partitions already needs them of the new table too.
DO $$
DECLARE
    part record;
BEGIN
    FOR part IN
        SELECT substring(c.relname FROM 'events_p(\d+)$')::bigint * 6480000 AS first
        FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'ledger.events'::regclass
    LOOP
        PERFORM ledger.ensure_partitions(part.first, part.first + 6480000);
    END LOOP;
END $$;

-- A chain is what a program counts or sums. A stretch of it, of one bucket of slots and one day, as far as its neighbours
-- need to know it: see indexer/verify/chain.py. Made again as a whole where a row of its bucket changed.
CREATE TABLE ledger.chain_segments (
    protocol          text         NOT NULL,
    evidence          text         NOT NULL,
    chain             text         NOT NULL,
    bucket            bigint       NOT NULL,
    day               date         NOT NULL,
    links             integer      NOT NULL,
    readings          integer      NOT NULL,
    lead              numeric      NOT NULL,
    trail             numeric      NOT NULL,
    first_slot        bigint,
    first_tx_index    integer,
    first_index       integer,
    first_signature   bytea,
    first_time        timestamptz,
    first_value       numeric,
    first_is_reading  boolean,
    last_slot         bigint,
    last_tx_index     integer,
    last_index        integer,
    last_signature    bytea,
    last_time         timestamptz,
    last_value        numeric,
    last_is_reading   boolean,
    PRIMARY KEY (protocol, evidence, chain, bucket, day)
);
COMMENT ON TABLE ledger.chain_segments IS 'Stretches of chains of evidence, one for each bucket of 9,000 slots and UTC day.';
COMMENT ON COLUMN ledger.chain_segments.day IS 'UTC day; 1970-01-01 where no block time of the bucket is known.';
COMMENT ON COLUMN ledger.chain_segments.lead IS 'Moved before the first known value; all that moved, where none is known.';
COMMENT ON COLUMN ledger.chain_segments.trail IS 'Moved behind the last known value.';
-- What a bucket or a day has, and a chain's neighbours that tell a value.
CREATE INDEX chain_segments_bucket ON ledger.chain_segments (protocol, bucket);
CREATE INDEX chain_segments_day ON ledger.chain_segments (day, protocol, evidence);
CREATE INDEX chain_segments_known ON ledger.chain_segments (protocol, evidence, chain, bucket) WHERE last_slot IS NOT NULL;

-- Something is missing between two places. Known by the place behind it: in front of one place there is one gap at most.
CREATE TABLE ledger.completeness_gaps (
    protocol          text         NOT NULL,
    evidence          text         NOT NULL,
    chain             text         NOT NULL,
    after_slot        bigint       NOT NULL,
    after_tx_index    integer      NOT NULL,
    after_index       integer      NOT NULL,
    after_signature   bytea        NOT NULL,
    after_time        timestamptz,
    after_value       numeric      NOT NULL,
    after_is_reading  boolean      NOT NULL,
    before_slot       bigint       NOT NULL,
    before_tx_index   integer      NOT NULL,
    before_index      integer      NOT NULL,
    before_signature  bytea        NOT NULL,
    before_time       timestamptz,
    before_value      numeric      NOT NULL,
    before_is_reading boolean      NOT NULL,
    expected          numeric      NOT NULL,
    found             numeric      NOT NULL,
    cause             text,
    judged            boolean      NOT NULL DEFAULT false,
    found_at          timestamptz  NOT NULL DEFAULT now(),
    refetched_at      timestamptz,
    refetched_from    text,
    PRIMARY KEY (protocol, evidence, chain, before_slot, before_signature, before_tx_index, before_index)
);
COMMENT ON TABLE ledger.completeness_gaps IS 'Places of chains between which something is missing.';
COMMENT ON COLUMN ledger.completeness_gaps.judged IS 'The cause was looked for since the gap was found or refetched.';
COMMENT ON COLUMN ledger.completeness_gaps.refetched_from IS 'From which endpoint, by which strategy; without credentials.';
CREATE INDEX completeness_gaps_slots ON ledger.completeness_gaps (protocol, before_slot);

-- Buckets whose settled rows changed since they were proven. As with all marks each session has its own.
CREATE TABLE ledger.dirty_proofs (
    bucket     bigint       NOT NULL,
    protocol   text         NOT NULL,
    marked_at  timestamptz  NOT NULL DEFAULT now(),
    writer     integer      NOT NULL DEFAULT pg_backend_pid(),
    PRIMARY KEY (bucket, protocol, writer)
);
COMMENT ON TABLE ledger.dirty_proofs IS 'Buckets of 9,000 slots that are to be proven again.';
COMMENT ON COLUMN ledger.dirty_proofs.writer IS 'Process of the session that marked it.';

-- How an endpoint's word compares with what is settled: samples of settled slots that were fetched again from it.
CREATE TABLE ledger.second_opinions (
    endpoint   text         NOT NULL,
    protocol   text         NOT NULL,
    slots      bigint       NOT NULL,
    rows       bigint       NOT NULL,
    differing  bigint       NOT NULL,
    asked_at   timestamptz  NOT NULL DEFAULT now(),
    PRIMARY KEY (endpoint, protocol)
);
COMMENT ON TABLE ledger.second_opinions IS 'Settled slots that were fetched again, by endpoint, and how many of their rows it told otherwise.';

-- What comes is marked by its writer. What goes marks itself, since rows also get lost by hand. Whoever may delete rows
-- may mark.
CREATE FUNCTION ledger.mark_lost_rows() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO ledger.dirty_proofs (bucket, protocol)
    SELECT DISTINCT g.slot / 9000, g.protocol FROM gone AS g WHERE g.settled
    ON CONFLICT (bucket, protocol, writer) DO UPDATE SET marked_at = now();
    RETURN NULL;
END $$;
COMMENT ON FUNCTION ledger.mark_lost_rows IS 'Mark the buckets of settled rows that are deleted.';

CREATE TRIGGER mark_lost_rows AFTER DELETE ON ledger.events
REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION ledger.mark_lost_rows();
CREATE TRIGGER mark_lost_rows AFTER DELETE ON ledger.trades
REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION ledger.mark_lost_rows();
CREATE TRIGGER mark_lost_rows AFTER DELETE ON ledger.lp_flows
REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION ledger.mark_lost_rows();
CREATE TRIGGER mark_lost_rows AFTER DELETE ON ledger.funding_rates
REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION ledger.mark_lost_rows();
CREATE TRIGGER mark_lost_rows AFTER DELETE ON ledger.incentives
REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION ledger.mark_lost_rows();
CREATE TRIGGER mark_lost_rows AFTER DELETE ON ledger.counters
REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION ledger.mark_lost_rows();

-- Everything that is there is to be proven.
INSERT INTO ledger.dirty_proofs (bucket, protocol) SELECT DISTINCT slot / 9000, protocol FROM ledger.events WHERE settled;
