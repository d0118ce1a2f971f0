-- What the indexer knows about its own rows: what is there, what is missing, what must be done again.

-- Slots of which every record is present. Moves only together with the rows it speaks of; whoever writes rows of
-- a stream holds the lock of its row here first.
CREATE TABLE ledger.coverage (
    stream  text            PRIMARY KEY,
    slots   int8multirange  NOT NULL DEFAULT '{}'
);
COMMENT ON TABLE ledger.coverage IS 'Settled slots by stream; a stream is called like its protocol.';

-- Slots that no source has. They count as missing everywhere; a source that has them takes them away.
CREATE TABLE ledger.unavailable (
    stream  text            PRIMARY KEY,
    slots   int8multirange  NOT NULL DEFAULT '{}'
);
COMMENT ON TABLE ledger.unavailable IS 'Slots, by stream, that no source could give.';

CREATE TABLE ledger.settlements (
    id        bigint          GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    stream    text            NOT NULL,
    slots     int8multirange  NOT NULL,
    source    text            NOT NULL,
    endpoint  text,
    at        timestamptz     NOT NULL DEFAULT now()
);
COMMENT ON TABLE ledger.settlements IS 'Who settled which slots, and when.';

-- A settled row does not change because somebody says otherwise later; that somebody did is kept here. The same
-- difference seen again is the same row.
CREATE TABLE ledger.differences (
    record      text         NOT NULL,
    protocol    text         NOT NULL,
    slot        bigint       NOT NULL,
    signature   bytea        NOT NULL,
    channel     text         NOT NULL,
    index       integer      NOT NULL,
    part        smallint     NOT NULL,
    reason      text         NOT NULL DEFAULT '',
    difference  text         NOT NULL CHECK (difference IN ('differing', 'additional', 'missing')),
    columns     text[]       NOT NULL DEFAULT '{}',
    source      text         NOT NULL,
    endpoint    text,
    at          timestamptz  NOT NULL DEFAULT now(),
    PRIMARY KEY (slot, signature, channel, index, part, record, protocol, reason, difference)
);
COMMENT ON TABLE ledger.differences IS 'Later reads of settled slots that did not say the same.';
COMMENT ON COLUMN ledger.differences.reason IS 'Of a failure; else empty.';
COMMENT ON COLUMN ledger.differences.columns IS 'Columns that differ.';

-- Somebody works on these slots until the lease ends. It avoids double work and proves nothing.
CREATE TABLE ledger.claims (
    stream       text         NOT NULL,
    slots        int8range    NOT NULL CHECK (NOT isempty(slots)),
    holder       text         NOT NULL,
    claimed_at   timestamptz  NOT NULL DEFAULT now(),
    lease_until  timestamptz  NOT NULL,
    PRIMARY KEY (stream, slots)
);
COMMENT ON TABLE ledger.claims IS 'Spans that a worker has taken, with the end of its lease.';

-- Anchors between slots and time: the edges of a day lie between two of them.
CREATE TABLE ledger.slot_times (
    slot  bigint       PRIMARY KEY,
    time  timestamptz  NOT NULL
);
COMMENT ON TABLE ledger.slot_times IS 'Block times of some slots.';
-- The slots around a moment.
CREATE INDEX slot_times_time ON ledger.slot_times (time);

-- Buckets whose rows changed since their rollups were made. A writer always touches the mark, also one that is
-- there, so that whoever takes marks away waits for the rows they stand for.
CREATE TABLE ledger.dirty_hours (
    hour        timestamptz  NOT NULL,
    protocol    text         NOT NULL,
    market_key  text         NOT NULL DEFAULT '',
    marked_at   timestamptz  NOT NULL DEFAULT now(),
    PRIMARY KEY (hour, protocol, market_key)
);
COMMENT ON TABLE ledger.dirty_hours IS 'Hours to roll up again; market_key is empty for records without a market.';
CREATE TABLE ledger.dirty_days (
    day        date         NOT NULL,
    protocol   text         NOT NULL,
    marked_at  timestamptz  NOT NULL DEFAULT now(),
    PRIMARY KEY (day, protocol)
);
COMMENT ON TABLE ledger.dirty_days IS 'UTC days to roll up again.';

-- Program ids are the same on several clusters: a database belongs to the one that wrote first.
CREATE TABLE ledger.cluster (
    singleton     boolean      PRIMARY KEY DEFAULT true CHECK (singleton),
    genesis_hash  text         NOT NULL,
    name          text         NOT NULL,
    claimed_at    timestamptz  NOT NULL DEFAULT now()
);
COMMENT ON TABLE ledger.cluster IS 'The cluster that this ledger is of.';

-- Slots whose rows must be made again from the stored payloads; what is done is taken out with its rows.
CREATE TABLE ledger.reprocess_state (
    singleton  boolean         PRIMARY KEY DEFAULT true CHECK (singleton),
    wanted     int8multirange  NOT NULL DEFAULT '{}'
);
COMMENT ON TABLE ledger.reprocess_state IS 'What is still to be reprocessed.';
INSERT INTO ledger.reprocess_state DEFAULT VALUES;

CREATE TABLE ledger.markets (
    protocol       text         NOT NULL,
    market_key     text         NOT NULL,
    market_kind    text         NOT NULL,
    symbol         text         NOT NULL,
    base_asset     text,
    base_decimals  smallint,
    mint           bytea,
    index_mint     bytea,
    long_mint      bytea,
    short_mint     bytea,
    pool_id        integer,
    max_leverage   numeric,
    PRIMARY KEY (protocol, market_key)
);
COMMENT ON TABLE ledger.markets IS 'What a market is called and how it is scaled.';

CREATE TABLE ledger.tokens (
    mint          bytea     PRIMARY KEY,
    symbol        text,
    decimals      smallint,
    is_synthetic  boolean   NOT NULL DEFAULT false,
    is_inferred   boolean   NOT NULL DEFAULT false
);
COMMENT ON COLUMN ledger.tokens.is_synthetic IS 'A price index: a key without a mint account.';
COMMENT ON COLUMN ledger.tokens.is_inferred IS 'The decimals follow from the size of its prices; no source states them.';
COMMENT ON TABLE ledger.tokens IS 'What a token is called and how it is scaled.';

-- Numbers that a protocol sets and its events do not repeat.
CREATE TABLE ledger.parameters (
    protocol  text     NOT NULL,
    name      text     NOT NULL,
    value     numeric  NOT NULL,
    PRIMARY KEY (protocol, name)
);
COMMENT ON TABLE ledger.parameters IS 'Settings of the protocols that views compute with.';
-- Pool.fees.protocolShareBps, read from the pool account of 2026-02-19.
INSERT INTO ledger.parameters (protocol, name, value) VALUES ('jupiter_perps', 'protocol_share_bps', 2500);
