-- What is written: one table per record class, the decoded events, and what could not be read.
--
-- Every row comes from one payload of one transaction: the key is the payload's place on the chain, so that
-- the same payload gives the same row from every source. Numbers are exact: `_e6` is whole micro-dollars; an
-- integer is numeric unless its type on the chain proves that it fits, since u64 and u128 must survive. Keys
-- and signatures are raw bytes. Tables are partitioned by slot; `ledger.ensure_partitions` makes the parts.

CREATE SCHEMA IF NOT EXISTS ledger;
COMMENT ON SCHEMA ledger IS 'What is written. Readers use the views of schema perps.';

-- One fill.
CREATE TABLE ledger.trades (
    protocol                 text         NOT NULL,
    program_id               bytea        NOT NULL,
    slot                     bigint       NOT NULL,
    signature                bytea        NOT NULL,
    channel                  text         NOT NULL CHECK (channel IN ('log', 'cpi', 'account')),
    index                    integer      NOT NULL,
    tx_index                 integer,
    block_time               timestamptz,
    event                    text,
    part                     smallint     NOT NULL,
    settled                  boolean      NOT NULL,
    decoder_version          smallint     NOT NULL,
    market_kind              text         NOT NULL,
    market_key               text         NOT NULL,
    trader                   bytea,
    counterparty             bytea,
    direction                text,
    position_side            text,
    action                   text,
    size_usd_e6              numeric,
    size_base                numeric,
    price_usd                numeric,
    fee_usd_e6               numeric,
    base_fee_usd_e6          numeric,
    price_impact_fee_usd_e6  numeric,
    borrow_fee_usd_e6        numeric,
    liquidation_fee_usd_e6   numeric,
    maker_fee_usd_e6         numeric,
    filler_reward_usd_e6     numeric,
    referrer_reward_usd_e6   numeric,
    builder_fee_usd_e6       numeric,
    venue_fee_usd_e6         numeric,
    lp_fee_usd_e6            numeric,
    protocol_fee_usd_e6      numeric,
    funding_usd_e6           numeric,
    price_impact_usd_e6      numeric,
    pnl_usd_e6               numeric,
    collateral_delta_usd_e6  numeric,
    liquidity_source         text,
    execution                text,
    is_liquidation           boolean,
    is_adl                   boolean,
    excluded                 text,
    explanation              text,
    position_key             bytea,
    order_key                bytea,
    sequence                 numeric,
    taker_order_id           bigint,
    maker_order_id           bigint,
    oracle_price_usd         numeric,
    position_size_usd_e6     numeric,
    entry_price_usd          numeric,
    collateral_usd_e6        numeric,
    PRIMARY KEY (slot, signature, channel, index, part)
) PARTITION BY RANGE (slot);
COMMENT ON TABLE ledger.trades IS 'One fill.';
-- Trades of a protocol or market in a time range; an hour of a market for rollups.
CREATE INDEX trades_block_time ON ledger.trades (protocol, block_time, market_key);
-- Trades of one trader.
CREATE INDEX trades_trader ON ledger.trades (trader, block_time);
CREATE INDEX trades_provisional ON ledger.trades (protocol, slot) WHERE NOT settled;

-- One exchange of two tokens.
CREATE TABLE ledger.swaps (
    protocol             text         NOT NULL,
    program_id           bytea        NOT NULL,
    slot                 bigint       NOT NULL,
    signature            bytea        NOT NULL,
    channel              text         NOT NULL CHECK (channel IN ('log', 'cpi', 'account')),
    index                integer      NOT NULL,
    tx_index             integer,
    block_time           timestamptz,
    event                text,
    part                 smallint     NOT NULL,
    settled              boolean      NOT NULL,
    decoder_version      smallint     NOT NULL,
    market_key           text,
    trader               bytea,
    mint_in              bytea,
    mint_out             bytea,
    amount_in            numeric,
    amount_out           numeric,
    value_usd_e6         numeric,
    fee_usd_e6           numeric,
    price_impact_usd_e6  numeric,
    venue                text         NOT NULL,
    purpose              text,
    hop                  integer,
    order_key            bytea,
    PRIMARY KEY (slot, signature, channel, index, part)
) PARTITION BY RANGE (slot);
COMMENT ON TABLE ledger.swaps IS 'One exchange of two tokens.';
-- Swaps of a protocol in a time range.
CREATE INDEX swaps_block_time ON ledger.swaps (protocol, block_time);
CREATE INDEX swaps_provisional ON ledger.swaps (protocol, slot) WHERE NOT settled;

-- One movement of liquidity.
CREATE TABLE ledger.lp_flows (
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
    venue            text         NOT NULL,
    venue_key        text         NOT NULL,
    flow             text         NOT NULL,
    provider         bytea,
    mint             bytea,
    amount           numeric,
    value_usd_e6     numeric,
    lp_mint          bytea,
    lp_amount        numeric,
    lp_price_usd     numeric,
    fee_usd_e6       numeric,
    action_key       bytea,
    explanation      text,
    via              bytea,
    internal         boolean      NOT NULL,
    sequence         numeric,
    PRIMARY KEY (slot, signature, channel, index, part)
) PARTITION BY RANGE (slot);
COMMENT ON TABLE ledger.lp_flows IS 'One movement of liquidity.';
-- Flows of a protocol in a time range.
CREATE INDEX lp_flows_block_time ON ledger.lp_flows (protocol, block_time);
CREATE INDEX lp_flows_provisional ON ledger.lp_flows (protocol, slot) WHERE NOT settled;

-- The life of a request that a later row refers to.
CREATE TABLE ledger.actions (
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
    action_key       bytea        NOT NULL,
    action_kind      text         NOT NULL,
    owner            bytea,
    receiver         bytea,
    state            text,
    order_kind       text,
    market_key       text,
    PRIMARY KEY (slot, signature, channel, index, part)
) PARTITION BY RANGE (slot);
COMMENT ON TABLE ledger.actions IS 'The life of a request that a later row refers to.';
-- The owner of an action, to heal the provider of a flow.
CREATE INDEX actions_action_key ON ledger.actions (action_key);
CREATE INDEX actions_provisional ON ledger.actions (protocol, slot) WHERE NOT settled;

-- A fee that belongs to no trade, swap or flow.
CREATE TABLE ledger.fees (
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
    payer            bytea,
    market_key       text,
    fee_kind         text         NOT NULL,
    value_usd_e6     numeric,
    PRIMARY KEY (slot, signature, channel, index, part)
) PARTITION BY RANGE (slot);
COMMENT ON TABLE ledger.fees IS 'A fee that belongs to no trade, swap or flow.';
-- Fees of a protocol in a time range.
CREATE INDEX fees_block_time ON ledger.fees (protocol, block_time);
CREATE INDEX fees_provisional ON ledger.fees (protocol, slot) WHERE NOT settled;

-- What a liquidation was, beyond its fill.
CREATE TABLE ledger.liquidations (
    protocol                text         NOT NULL,
    program_id              bytea        NOT NULL,
    slot                    bigint       NOT NULL,
    signature               bytea        NOT NULL,
    channel                 text         NOT NULL CHECK (channel IN ('log', 'cpi', 'account')),
    index                   integer      NOT NULL,
    tx_index                integer,
    block_time              timestamptz,
    event                   text,
    part                    smallint     NOT NULL,
    settled                 boolean      NOT NULL,
    decoder_version         smallint     NOT NULL,
    liquidation_kind        text         NOT NULL,
    trader                  bytea,
    liquidator              bytea,
    market_key              text,
    value_usd_e6            numeric,
    insurance_fee_usd_e6    numeric,
    insurance_fee_amount    numeric,
    socialised_loss_usd_e6  numeric,
    socialised_loss_amount  numeric,
    sequence                numeric,
    PRIMARY KEY (slot, signature, channel, index, part)
) PARTITION BY RANGE (slot);
COMMENT ON TABLE ledger.liquidations IS 'What a liquidation was, beyond its fill.';
-- Liquidations of a protocol in a time range.
CREATE INDEX liquidations_block_time ON ledger.liquidations (protocol, block_time);
CREATE INDEX liquidations_provisional ON ledger.liquidations (protocol, slot) WHERE NOT settled;

-- Rates as the protocol told them.
CREATE TABLE ledger.funding_rates (
    protocol          text         NOT NULL,
    program_id        bytea        NOT NULL,
    slot              bigint       NOT NULL,
    signature         bytea        NOT NULL,
    channel           text         NOT NULL CHECK (channel IN ('log', 'cpi', 'account')),
    index             integer      NOT NULL,
    tx_index          integer,
    block_time        timestamptz,
    event             text,
    part              smallint     NOT NULL,
    settled           boolean      NOT NULL,
    decoder_version   smallint     NOT NULL,
    market_key        text         NOT NULL,
    rate_kind         text         NOT NULL,
    rate              numeric,
    rate_long         numeric,
    rate_short        numeric,
    oracle_price_usd  numeric,
    sequence          numeric,
    PRIMARY KEY (slot, signature, channel, index, part)
) PARTITION BY RANGE (slot);
COMMENT ON TABLE ledger.funding_rates IS 'Rates as the protocol told them.';
-- The rates of a market in a time range, and the last one.
CREATE INDEX funding_rates_market ON ledger.funding_rates (protocol, market_key, block_time);
CREATE INDEX funding_rates_provisional ON ledger.funding_rates (protocol, slot) WHERE NOT settled;

-- Open interest of one side of a market at one moment.
CREATE TABLE ledger.open_interests (
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
    market_key       text         NOT NULL,
    side             text         NOT NULL,
    value_usd_e6     numeric,
    size_base        numeric,
    PRIMARY KEY (slot, signature, channel, index, part)
) PARTITION BY RANGE (slot);
COMMENT ON TABLE ledger.open_interests IS 'Open interest of one side of a market at one moment.';
-- The open interest of a market in a time range, and the last one.
CREATE INDEX open_interests_market ON ledger.open_interests (protocol, market_key, block_time);
CREATE INDEX open_interests_provisional ON ledger.open_interests (protocol, slot) WHERE NOT settled;

-- An absolute amount or value at one moment; holds until the next one.
CREATE TABLE ledger.tvl_observations (
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
    component        text         NOT NULL,
    component_key    text         NOT NULL,
    mint             bytea,
    amount           numeric,
    value_usd_e6     numeric,
    deposits         numeric,
    borrows          numeric,
    value_origin     text         NOT NULL,
    PRIMARY KEY (slot, signature, channel, index, part)
) PARTITION BY RANGE (slot);
COMMENT ON TABLE ledger.tvl_observations IS 'An absolute amount or value at one moment; holds until the next one.';
-- The observations of a component in a time range, and the last one.
CREATE INDEX tvl_observations_component ON ledger.tvl_observations (protocol, component, component_key, block_time);
CREATE INDEX tvl_observations_provisional ON ledger.tvl_observations (protocol, slot) WHERE NOT settled;

-- What a token or a market cost at one moment.
CREATE TABLE ledger.price_observations (
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
    mint             bytea,
    market_key       text,
    price_usd        numeric      NOT NULL,
    value_origin     text         NOT NULL,
    PRIMARY KEY (slot, signature, channel, index, part)
) PARTITION BY RANGE (slot);
COMMENT ON TABLE ledger.price_observations IS 'What a token or a market cost at one moment.';
-- The last price of a token before a moment.
CREATE INDEX price_observations_mint ON ledger.price_observations (mint, block_time);
-- The last price of a market before a moment.
CREATE INDEX price_observations_market ON ledger.price_observations (protocol, market_key, block_time);
CREATE INDEX price_observations_provisional ON ledger.price_observations (protocol, slot) WHERE NOT settled;

-- Points and tokens that a protocol gives for use.
CREATE TABLE ledger.incentives (
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
    incentive_kind   text         NOT NULL,
    account          bytea,
    amount           numeric      NOT NULL,
    supply_after     numeric,
    PRIMARY KEY (slot, signature, channel, index, part)
) PARTITION BY RANGE (slot);
COMMENT ON TABLE ledger.incentives IS 'Points and tokens that a protocol gives for use.';
-- Incentives of a protocol in a time range.
CREATE INDEX incentives_block_time ON ledger.incentives (protocol, block_time);
CREATE INDEX incentives_provisional ON ledger.incentives (protocol, slot) WHERE NOT settled;

-- Every decoded payload with all that `process` reads, so that records can be made again without the chain.
CREATE TABLE ledger.events (
    protocol                 text         NOT NULL,
    program_id               bytea        NOT NULL,
    slot                     bigint       NOT NULL,
    signature                bytea        NOT NULL,
    channel                  text         NOT NULL CHECK (channel IN ('log', 'cpi', 'account')),
    index                    integer      NOT NULL,
    tx_index                 integer,
    block_time               timestamptz,
    event                    text,
    part                     smallint     NOT NULL,
    settled                  boolean      NOT NULL,
    decoder_version          smallint     NOT NULL,
    payload                  bytea        NOT NULL,
    is_text                  boolean      NOT NULL,
    enclosing_program        bytea        NOT NULL,
    enclosing_index          integer,
    enclosing_discriminator  bytea,
    enclosing_accounts       bytea[],
    stack_height             smallint,
    PRIMARY KEY (slot, signature, channel, index, part)
) PARTITION BY RANGE (slot);
COMMENT ON TABLE ledger.events IS 'Every decoded payload with all that `process` reads, so that records can be made again without the chain.';
CREATE INDEX events_provisional ON ledger.events (protocol, slot) WHERE NOT settled;

-- What could not be read, with its bytes.
CREATE TABLE ledger.failures (
    protocol                 text         NOT NULL,
    program_id               bytea        NOT NULL,
    slot                     bigint       NOT NULL,
    signature                bytea        NOT NULL,
    channel                  text         NOT NULL CHECK (channel IN ('log', 'cpi', 'account')),
    index                    integer      NOT NULL,
    tx_index                 integer,
    block_time               timestamptz,
    event                    text,
    part                     smallint     NOT NULL,
    settled                  boolean      NOT NULL,
    decoder_version          smallint     NOT NULL,
    reason                   text         NOT NULL,
    discriminator            bytea,
    payload                  bytea,
    is_text                  boolean      NOT NULL,
    detail                   text,
    enclosing_program        bytea,
    enclosing_index          integer,
    enclosing_discriminator  bytea,
    enclosing_accounts       bytea[],
    stack_height             smallint,
    PRIMARY KEY (slot, signature, channel, index, part, reason, protocol)
) PARTITION BY RANGE (slot);
COMMENT ON TABLE ledger.failures IS 'What could not be read, with its bytes.';
CREATE INDEX failures_provisional ON ledger.failures (protocol, slot) WHERE NOT settled;

-- What a settling page may have to drop is found through the partial indexes above: they hold provisional rows
-- alone, so they stay small and cost settled rows nothing.

-- Make the partitions of all tables for the slots from_slot up to, but not including, to_slot. Returns how many
-- were made. Runs with the owner's rights, so that the writer needs none to change the schema; hence the limit.
-- A part is made alone and attached, which, unlike PARTITION OF, does not stop those who write to the table.
CREATE FUNCTION ledger.ensure_partitions(from_slot bigint, to_slot bigint) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    slots CONSTANT bigint := 6480000;  -- About 30 days.
    most  CONSTANT bigint := 64;
    made  int := 0;
    part  record;
BEGIN
    IF from_slot IS NULL OR to_slot IS NULL OR from_slot < 0 OR to_slot <= from_slot THEN
        RAISE EXCEPTION 'no slots: % to %', from_slot, to_slot USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF (to_slot - 1) / slots - from_slot / slots >= most THEN
        RAISE EXCEPTION 'slots % to % are more than % partitions at once', from_slot, to_slot, most
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('ledger.ensure_partitions', 0));
    FOR part IN
        SELECT parent.relname AS parent, format('%s_p%s', parent.relname, lpad(n::text, greatest(4, length(n::text)), '0')) AS name,
               n * slots AS first, (n + 1) * slots AS behind
        FROM pg_class AS parent, generate_series(from_slot / slots, (to_slot - 1) / slots) AS n
        WHERE parent.relnamespace = 'ledger'::regnamespace AND parent.relkind = 'p'
        ORDER BY n, parent.relname
    LOOP
        CONTINUE WHEN to_regclass(format('ledger.%I', part.name)) IS NOT NULL;
        EXECUTE format('CREATE TABLE ledger.%I (LIKE ledger.%I INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', part.name, part.parent);
        EXECUTE format('ALTER TABLE ledger.%I ATTACH PARTITION ledger.%I FOR VALUES FROM (%s) TO (%s)',
                       part.parent, part.name, part.first, part.behind);
        made := made + 1;
    END LOOP;
    RETURN made;
END $$;
COMMENT ON FUNCTION ledger.ensure_partitions IS 'Make the partitions for a range of slots; the writer may call it.';
REVOKE EXECUTE ON FUNCTION ledger.ensure_partitions FROM PUBLIC;
