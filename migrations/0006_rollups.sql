-- Running aggregates by hour: made again where rows changed, so that their cost does not grow with history.
--
-- Everything here can be made again from the rows. `_e6` is whole micro-dollars. Text columns of a key hold '' where the
-- row tells nothing, since a key has no NULL; views show NULL. A sum is NULL where rows are there and none of them tells
-- the number; how many do not tell it stands beside. Which query keeps which table: store/queries/rollup_*.sql.

CREATE TABLE ledger.hourly_trades (
    hour                  timestamptz  NOT NULL,
    protocol              text         NOT NULL,
    market_key            text         NOT NULL,
    market_kind           text         NOT NULL,
    liquidity_source      text         NOT NULL,
    execution             text         NOT NULL,
    is_liquidation        boolean      NOT NULL,
    excluded              text         NOT NULL,
    trades                bigint       NOT NULL,
    unsized               bigint       NOT NULL,
    without_fee           bigint       NOT NULL,
    deleveraged           bigint       NOT NULL,
    volume_e6             numeric,
    buy_volume_e6         numeric,
    sell_volume_e6        numeric,
    opened_volume_e6      numeric,
    closed_volume_e6      numeric,
    size_base             numeric,
    fees_e6               numeric,
    rebates_e6            numeric,
    rewards_e6            numeric,
    taker_fees_e6         numeric,
    base_fees_e6          numeric,
    price_impact_fees_e6  numeric,
    borrow_fees_e6        numeric,
    liquidation_fees_e6   numeric,
    venue_fees_e6         numeric,
    lp_fees_e6            numeric,
    protocol_fees_e6      numeric,
    funding_e6            numeric,
    price_impact_e6       numeric,
    pnl_e6                numeric,
    PRIMARY KEY (hour, protocol, market_key, market_kind, liquidity_source, execution, is_liquidation, excluded)
);
COMMENT ON TABLE ledger.hourly_trades IS 'Fills by hour, market and kind of fill.';
COMMENT ON COLUMN ledger.hourly_trades.is_liquidation IS 'False also where nothing tells.';
COMMENT ON COLUMN ledger.hourly_trades.unsized IS 'Fills whose notional is unknown.';
COMMENT ON COLUMN ledger.hourly_trades.without_fee IS 'Fills of which no fee of the trader is told.';
COMMENT ON COLUMN ledger.hourly_trades.deleveraged IS 'Fills by automatic deleveraging.';
COMMENT ON COLUMN ledger.hourly_trades.fees_e6 IS 'What traders and makers paid: the positive fees of both.';
COMMENT ON COLUMN ledger.hourly_trades.rebates_e6 IS 'What they received: the negative fees of both, not above 0.';
COMMENT ON COLUMN ledger.hourly_trades.rewards_e6 IS 'Out of the fees, to fillers, referrers and builders.';
COMMENT ON COLUMN ledger.hourly_trades.taker_fees_e6 IS 'Fees of fills whose order has a taker (Drift).';

CREATE TABLE ledger.hourly_swaps (
    hour              timestamptz  NOT NULL,
    protocol          text         NOT NULL,
    market_key        text         NOT NULL,
    venue             text         NOT NULL,
    purpose           text         NOT NULL,
    is_first_hop      boolean      NOT NULL,
    swaps             bigint       NOT NULL,
    suspect           bigint       NOT NULL,
    unvalued          bigint       NOT NULL,
    without_fee       bigint       NOT NULL,
    volume_e6         numeric,
    fees_e6           numeric,
    lp_fees_e6        numeric,
    protocol_fees_e6  numeric,
    price_impact_e6   numeric,
    PRIMARY KEY (hour, protocol, market_key, venue, purpose, is_first_hop)
);
COMMENT ON TABLE ledger.hourly_swaps IS 'Swaps by hour, venue and purpose. Suspect ones are counted and in no other column.';
COMMENT ON COLUMN ledger.hourly_swaps.is_first_hop IS 'False also where nothing tells.';

CREATE TABLE ledger.hourly_lp_flows (
    hour              timestamptz  NOT NULL,
    protocol          text         NOT NULL,
    venue             text         NOT NULL,
    venue_key         text         NOT NULL,
    mint              bytea        NOT NULL,
    flow              text         NOT NULL,
    internal          boolean      NOT NULL,
    flows             bigint       NOT NULL,
    unvalued          bigint       NOT NULL,
    without_fee       bigint       NOT NULL,
    amount            numeric,
    value_e6          numeric,
    vault_value_e6    numeric,
    lp_amount         numeric,
    fees_e6           numeric,
    rebates_e6        numeric,
    lp_fees_e6        numeric,
    protocol_fees_e6  numeric,
    lp_mint           bytea,
    lp_price_usd      numeric,
    PRIMARY KEY (hour, protocol, venue, venue_key, mint, flow, internal)
);
COMMENT ON TABLE ledger.hourly_lp_flows IS 'Movements of liquidity by hour, venue and token.';
COMMENT ON COLUMN ledger.hourly_lp_flows.vault_value_e6 IS 'Of value_e6: what strategy vaults moved for their depositors.';
COMMENT ON COLUMN ledger.hourly_lp_flows.lp_price_usd IS 'The newest price of the LP token that a flow of this hour told.';
-- The course of an LP token's price.
CREATE INDEX hourly_lp_flows_lp_mint ON ledger.hourly_lp_flows (lp_mint, hour) WHERE lp_price_usd IS NOT NULL;

CREATE TABLE ledger.hourly_fees (
    hour        timestamptz  NOT NULL,
    protocol    text         NOT NULL,
    market_key  text         NOT NULL,
    fee_kind    text         NOT NULL,
    charges     bigint       NOT NULL,
    unvalued    bigint       NOT NULL,
    fees_e6     numeric,
    PRIMARY KEY (hour, protocol, market_key, fee_kind)
);
COMMENT ON TABLE ledger.hourly_fees IS 'Fees that belong to no trade, swap or flow, by hour.';

CREATE TABLE ledger.hourly_liquidations (
    hour                 timestamptz  NOT NULL,
    protocol             text         NOT NULL,
    market_key           text         NOT NULL,
    liquidation_kind     text         NOT NULL,
    liquidations         bigint       NOT NULL,
    unvalued             bigint       NOT NULL,
    unpriced_fees        bigint       NOT NULL,
    unpriced_losses      bigint       NOT NULL,
    value_e6             numeric,
    insurance_fees_e6    numeric,
    separate_fees_e6     numeric,
    socialised_loss_e6   numeric,
    PRIMARY KEY (hour, protocol, market_key, liquidation_kind)
);
COMMENT ON TABLE ledger.hourly_liquidations IS 'Liquidations by hour, market and kind.';
COMMENT ON COLUMN ledger.hourly_liquidations.separate_fees_e6 IS 'Insurance fees that no takeover''s fee contains.';
COMMENT ON COLUMN ledger.hourly_liquidations.unpriced_fees IS 'Insurance fees told in tokens alone.';
COMMENT ON COLUMN ledger.hourly_liquidations.unpriced_losses IS 'Socialised losses told in tokens alone.';

CREATE TABLE ledger.hourly_token_prices (
    hour          timestamptz  NOT NULL,
    mint          bytea        NOT NULL,
    observations  bigint       NOT NULL,
    protocols     text[]       NOT NULL,
    open          numeric      NOT NULL,
    high          numeric      NOT NULL,
    low           numeric      NOT NULL,
    close         numeric      NOT NULL,
    close_at      timestamptz  NOT NULL,
    PRIMARY KEY (hour, mint)
);
COMMENT ON TABLE ledger.hourly_token_prices IS 'Prices of tokens by hour, whichever protocol told them.';
COMMENT ON COLUMN ledger.hourly_token_prices.protocols IS 'Who told them.';
-- The next or last hour with a price.
CREATE INDEX hourly_token_prices_mint ON ledger.hourly_token_prices (mint, hour);

CREATE TABLE ledger.hourly_market_prices (
    hour          timestamptz  NOT NULL,
    protocol      text         NOT NULL,
    market_key    text         NOT NULL,
    observations  bigint       NOT NULL,
    open          numeric      NOT NULL,
    high          numeric      NOT NULL,
    low           numeric      NOT NULL,
    close         numeric      NOT NULL,
    close_at      timestamptz  NOT NULL,
    PRIMARY KEY (hour, protocol, market_key)
);
COMMENT ON TABLE ledger.hourly_market_prices IS 'Prices of what is traded, by hour and market.';

CREATE TABLE ledger.hourly_funding_rates (
    hour              timestamptz  NOT NULL,
    protocol          text         NOT NULL,
    market_key        text         NOT NULL,
    rate_kind         text         NOT NULL,
    rates             bigint       NOT NULL,
    rate_sum          numeric,
    rate_long_sum     numeric,
    rate_short_sum    numeric,
    oracle_price_usd  numeric,
    PRIMARY KEY (hour, protocol, market_key, rate_kind)
);
COMMENT ON TABLE ledger.hourly_funding_rates IS 'Funding and borrow rates by hour: their sums, and how many tell one.';
COMMENT ON COLUMN ledger.hourly_funding_rates.oracle_price_usd IS 'The newest of the hour.';

CREATE TABLE ledger.hourly_open_interest (
    hour          timestamptz  NOT NULL,
    protocol      text         NOT NULL,
    market_key    text         NOT NULL,
    side          text         NOT NULL,
    observations  bigint       NOT NULL,
    value_e6      numeric,
    value_slot    bigint,
    value_at      timestamptz,
    size_base     numeric,
    size_at       timestamptz,
    PRIMARY KEY (hour, protocol, market_key, side)
);
COMMENT ON TABLE ledger.hourly_open_interest IS 'The newest open interest of each hour in which some was told.';
COMMENT ON COLUMN ledger.hourly_open_interest.value_slot IS 'Where the value was told.';
COMMENT ON COLUMN ledger.hourly_open_interest.value_at IS 'When it was told.';
COMMENT ON COLUMN ledger.hourly_open_interest.size_at IS 'When the size was told.';
-- The last open interest before a moment.
CREATE INDEX hourly_open_interest_market ON ledger.hourly_open_interest (protocol, market_key, side, hour);

CREATE TABLE ledger.hourly_incentives (
    hour            timestamptz  NOT NULL,
    protocol        text         NOT NULL,
    incentive_kind  text         NOT NULL,
    grants          bigint       NOT NULL,
    amount          numeric      NOT NULL,
    supply_after    numeric,
    PRIMARY KEY (hour, protocol, incentive_kind)
);
COMMENT ON TABLE ledger.hourly_incentives IS 'Points and tokens given for use, by hour.';

-- In which hours a holding was told.
CREATE TABLE ledger.hourly_observations (
    protocol       text         NOT NULL,
    component      text         NOT NULL,
    component_key  text         NOT NULL,
    holding        bytea        NOT NULL,
    hour           timestamptz  NOT NULL,
    observations   bigint       NOT NULL,
    PRIMARY KEY (protocol, component, component_key, holding, hour)
);
COMMENT ON TABLE ledger.hourly_observations IS 'How often the amount of a holding was told in an hour.';
COMMENT ON COLUMN ledger.hourly_observations.holding IS 'The mint; where it is unknown, the row''s part in two bytes.';
-- Holdings told about a moment.
CREATE INDEX hourly_observations_hour ON ledger.hourly_observations (protocol, hour);

-- Marks beside dirty_hours, of rows that tell something for other hours than their own: a price, an amount that holds
-- on, the owner of a flow. Once such a row has gone, nothing but its mark says what depended on it. As there, a writer
-- touches also a mark that is there.
CREATE TABLE ledger.dirty_prices (
    hour       timestamptz  NOT NULL,
    protocol   text         NOT NULL,
    mint       bytea        NOT NULL,
    marked_at  timestamptz  NOT NULL DEFAULT now(),
    PRIMARY KEY (hour, protocol, mint)
);
COMMENT ON TABLE ledger.dirty_prices IS 'Hours in which a price of a token changed.';
CREATE TABLE ledger.dirty_amounts (
    hour           timestamptz  NOT NULL,
    protocol       text         NOT NULL,
    component      text         NOT NULL,
    component_key  text         NOT NULL,
    holding        bytea        NOT NULL,
    marked_at      timestamptz  NOT NULL DEFAULT now(),
    PRIMARY KEY (hour, protocol, component, component_key, holding)
);
COMMENT ON TABLE ledger.dirty_amounts IS 'Hours in which what was told of a holding changed.';
CREATE TABLE ledger.dirty_owners (
    protocol    text         NOT NULL,
    action_key  bytea        NOT NULL,
    marked_at   timestamptz  NOT NULL DEFAULT now(),
    PRIMARY KEY (protocol, action_key)
);
COMMENT ON TABLE ledger.dirty_owners IS 'Actions whose owner changed.';

-- Rows that are here already.
INSERT INTO ledger.dirty_prices (hour, protocol, mint)
SELECT DISTINCT date_trunc('hour', block_time, 'UTC'), protocol, mint FROM ledger.price_observations
WHERE block_time IS NOT NULL AND mint IS NOT NULL;
INSERT INTO ledger.dirty_amounts (hour, protocol, component, component_key, holding)
SELECT DISTINCT date_trunc('hour', block_time, 'UTC'), protocol, component, component_key, coalesce(mint, int2send(part))
FROM ledger.tvl_observations
WHERE block_time IS NOT NULL;
INSERT INTO ledger.dirty_owners (protocol, action_key)
SELECT DISTINCT protocol, action_key FROM ledger.actions
WHERE owner IS NOT NULL AND action_kind NOT IN ('order', 'position_request');

-- Flows that wait for what other rows tell: their owner, and the price of their token.
CREATE INDEX lp_flows_unowned ON ledger.lp_flows (action_key) WHERE provider IS NULL AND action_key IS NOT NULL;
CREATE INDEX lp_flows_unvalued ON ledger.lp_flows (mint, block_time)
    WHERE value_usd_e6 IS NULL AND venue IN ('drift_vault', 'drift_insurance');
