-- What daemons and backfills tell each other, and what they tell their users.

-- When slots were last asked for in vain, so that they are asked for again, but slowly. One row a minute at most: the
-- time is rounded up. Slots that are asked for again, or settled, leave their row.
ALTER TABLE ledger.unavailable
    ADD COLUMN tried_at timestamptz NOT NULL DEFAULT now(),
    DROP CONSTRAINT unavailable_pkey,
    ADD PRIMARY KEY (stream, tried_at);
COMMENT ON COLUMN ledger.unavailable.tried_at IS 'When these slots were last asked for, rounded up to a minute.';

-- A settlement is joined to the one before of the same stream, source and endpoint within the hour.
ALTER TABLE ledger.settlements ADD COLUMN last_at timestamptz NOT NULL DEFAULT now();
UPDATE ledger.settlements SET last_at = at;
COMMENT ON COLUMN ledger.settlements.at IS 'When the first of these slots was settled.';
COMMENT ON COLUMN ledger.settlements.last_at IS 'When the last of these slots was settled.';
-- The row of this hour, and the last one.
CREATE INDEX settlements_stream ON ledger.settlements (stream, at);

-- About a minute apart is near enough: between two anchors time runs evenly.
DELETE FROM ledger.slot_times AS s USING ledger.slot_times AS other
WHERE other.slot / 150 = s.slot / 150 AND other.slot < s.slot;
CREATE UNIQUE INDEX slot_times_anchor ON ledger.slot_times ((slot / 150));
COMMENT ON TABLE ledger.slot_times IS 'Block times of settled slots, one in 150.';

-- What is wanted of a stream, and the newest slots that a daemon saw. Written every second: there is room for it.
CREATE TABLE ledger.streams (
    stream          text            PRIMARY KEY,
    wanted_from     bigint,
    asked           int8multirange  NOT NULL DEFAULT '{}',
    finalized_slot  bigint,
    confirmed_slot  bigint,
    seen_at         timestamptz,
    holder          text
) WITH (fillfactor = 20);
COMMENT ON TABLE ledger.streams IS 'What daemons and backfills want of a stream, and the head of the chain.';
COMMENT ON COLUMN ledger.streams.wanted_from IS 'Every slot from here up to the finalized head is wanted; NULL: no daemon said so yet.';
COMMENT ON COLUMN ledger.streams.asked IS 'Slots that backfills were asked for.';
COMMENT ON COLUMN ledger.streams.finalized_slot IS 'Newest finalized slot that a daemon saw.';
COMMENT ON COLUMN ledger.streams.confirmed_slot IS 'Newest confirmed slot that a daemon saw.';
COMMENT ON COLUMN ledger.streams.seen_at IS 'When it saw them: a daemon that lives says so every second or so.';
COMMENT ON COLUMN ledger.streams.holder IS 'Which daemon it was.';

-- How each daemon fares with its endpoints. A daemon replaces its rows; those of dead ones are dropped.
CREATE TABLE ledger.providers (
    holder             text         NOT NULL,
    endpoint           text         NOT NULL,
    method             text         NOT NULL,
    requests           bigint       NOT NULL,
    errors             bigint       NOT NULL,
    rate_limited       bigint       NOT NULL,
    latency_ms         integer,
    rate_per_s         numeric,
    observed_slot      bigint,
    first_slot         bigint,
    quarantined_until  timestamptz,
    last_error         text,
    seen_at            timestamptz  NOT NULL DEFAULT now(),
    PRIMARY KEY (holder, endpoint, method)
) WITH (fillfactor = 50);
COMMENT ON TABLE ledger.providers IS 'Health of endpoints by method, as each daemon sees it. Without credentials.';
