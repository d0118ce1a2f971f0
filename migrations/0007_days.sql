-- Running aggregates by day, what is known of when, and how much was where.

-- Of every trader, what they did on a UTC day in a market; perp and spot. The day decides who washes: see
-- ledger.parameters.
CREATE TABLE ledger.daily_traders (
    day               date     NOT NULL,
    protocol          text     NOT NULL,
    market_key        text     NOT NULL,
    market_kind       text     NOT NULL,
    trader            bytea    NOT NULL,
    trades            bigint   NOT NULL,
    without_pnl       bigint   NOT NULL,
    liquidations      bigint   NOT NULL,
    maker_trades      bigint   NOT NULL,
    volume_e6         numeric,
    buy_volume_e6     numeric,
    sell_volume_e6    numeric,
    maker_volume_e6   numeric,
    fees_e6           numeric,
    maker_fees_e6     numeric,
    funding_e6        numeric,
    pnl_e6            numeric,
    collateral_e6     numeric,
    is_judged         boolean  NOT NULL,
    is_wash           boolean  NOT NULL,
    PRIMARY KEY (day, protocol, market_key, market_kind, trader)
);
COMMENT ON TABLE ledger.daily_traders IS 'Traders by day and market. Trades and volumes are net: without excluded fills.';
COMMENT ON COLUMN ledger.daily_traders.trader IS 'Empty where a fill does not tell.';
COMMENT ON COLUMN ledger.daily_traders.without_pnl IS 'Fills that may realise a profit, since they open nothing, and tell none.';
COMMENT ON COLUMN ledger.daily_traders.fees_e6 IS 'Paid as trader, less rebates; of all fills, excluded ones too.';
COMMENT ON COLUMN ledger.daily_traders.collateral_e6 IS 'The largest collateral seen.';
COMMENT ON COLUMN ledger.daily_traders.is_judged IS 'The trader''s collateral of the day is known, so that the rule for wash trading can tell.';
COMMENT ON COLUMN ledger.daily_traders.is_wash IS 'The rule calls the trader''s day in this protocol wash trading.';
-- The days of one trader.
CREATE INDEX daily_traders_trader ON ledger.daily_traders (trader, day);

CREATE TABLE ledger.daily_providers (
    day             date     NOT NULL,
    protocol        text     NOT NULL,
    venue           text     NOT NULL,
    venue_key       text     NOT NULL,
    provider        bytea    NOT NULL,
    deposits        bigint   NOT NULL,
    withdrawals     bigint   NOT NULL,
    unvalued        bigint   NOT NULL,
    deposits_e6     numeric,
    withdrawals_e6  numeric,
    fees_e6         numeric,
    PRIMARY KEY (day, protocol, venue, venue_key, provider)
);
COMMENT ON TABLE ledger.daily_providers IS 'Providers of liquidity by day and venue.';
COMMENT ON COLUMN ledger.daily_providers.provider IS 'Empty where neither the flow nor an action tells.';
-- The days of one provider.
CREATE INDEX daily_providers_provider ON ledger.daily_providers (provider, day);

CREATE TABLE ledger.active_days (
    day       date  NOT NULL,
    protocol  text  NOT NULL,
    PRIMARY KEY (day, protocol)
);
COMMENT ON TABLE ledger.active_days IS 'Days with a trade, swap, flow, fee or liquidation.';

-- The settled spans of slots, and the seconds in which nothing but settled slots lies, as last rolled up.
CREATE TABLE ledger.covered_spans (
    stream        text         NOT NULL,
    first_slot    bigint       NOT NULL,
    behind_slot   bigint       NOT NULL,
    starts_at     timestamptz,
    ends_at       timestamptz,
    PRIMARY KEY (stream, first_slot)
);
COMMENT ON TABLE ledger.covered_spans IS 'Coverage in slots and in time.';
COMMENT ON COLUMN ledger.covered_spans.starts_at IS 'From here on all is settled; NULL where no block time tells.';
COMMENT ON COLUMN ledger.covered_spans.ends_at IS 'Before here all is settled.';

-- An amount or a value that the ledger can follow: one token of one component.
CREATE TABLE ledger.tvl_holdings (
    protocol       text   NOT NULL,
    component      text   NOT NULL,
    component_key  text   NOT NULL,
    holding        bytea  NOT NULL,
    mint           bytea,
    PRIMARY KEY (protocol, component, component_key, holding)
);
COMMENT ON TABLE ledger.tvl_holdings IS 'Holdings that were told at least once.';
-- Holdings of a token whose price changed.
CREATE INDEX tvl_holdings_mint ON ledger.tvl_holdings (mint);

-- Seconds in which a holding is known, and the sum of what it was in each of them.
CREATE TABLE ledger.hourly_tvl (
    protocol        text         NOT NULL,
    component       text         NOT NULL,
    component_key   text         NOT NULL,
    holding         bytea        NOT NULL,
    hour            timestamptz  NOT NULL,
    amount_s        integer      NOT NULL,
    known_s         integer      NOT NULL,
    amount_seconds  numeric,
    value_seconds   numeric,
    amount          numeric,
    deposits        numeric,
    borrows         numeric,
    origin          text         NOT NULL,
    PRIMARY KEY (protocol, component, component_key, holding, hour)
);
COMMENT ON TABLE ledger.hourly_tvl IS 'Holdings by hour, weighted by time.';
COMMENT ON COLUMN ledger.hourly_tvl.amount_s IS 'Seconds in which the amount is known.';
COMMENT ON COLUMN ledger.hourly_tvl.known_s IS 'Seconds in which the value is known.';
COMMENT ON COLUMN ledger.hourly_tvl.amount_seconds IS 'Amount, summed over its known seconds.';
COMMENT ON COLUMN ledger.hourly_tvl.value_seconds IS 'Value in USD, summed over its known seconds.';
COMMENT ON COLUMN ledger.hourly_tvl.amount IS 'The last one of the hour.';
COMMENT ON COLUMN ledger.hourly_tvl.origin IS 'event, account or recomputed; mixed where the hour had several.';
-- All holdings of an hour.
CREATE INDEX hourly_tvl_hour ON ledger.hourly_tvl (hour, protocol);

CREATE TABLE ledger.daily_tvl (
    protocol        text     NOT NULL,
    component       text     NOT NULL,
    component_key   text     NOT NULL,
    holding         bytea    NOT NULL,
    day             date     NOT NULL,
    amount_s        integer  NOT NULL,
    known_s         integer  NOT NULL,
    amount_seconds  numeric,
    value_seconds   numeric,
    origin          text     NOT NULL,
    PRIMARY KEY (protocol, component, component_key, holding, day)
);
COMMENT ON TABLE ledger.daily_tvl IS 'Holdings by day: sums of hourly_tvl.';

-- Hours of holdings to make again. Only who rolls up writes here, one at a time: they follow from other marks.
CREATE TABLE ledger.dirty_holdings (
    hour           timestamptz  NOT NULL,
    protocol       text         NOT NULL,
    component      text         NOT NULL,
    component_key  text         NOT NULL,
    holding        bytea        NOT NULL,
    PRIMARY KEY (hour, protocol, component, component_key, holding)
);
COMMENT ON TABLE ledger.dirty_holdings IS 'Hours of holdings to roll up again.';
