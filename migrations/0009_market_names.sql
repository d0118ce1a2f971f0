-- From which slot a market is called what it is called, and what it was called before.

ALTER TABLE ledger.markets ADD COLUMN symbol_since_slot bigint;
COMMENT ON COLUMN ledger.markets.symbol_since_slot IS
    'Slot at which an account was first read that says the symbol; NULL: as shipped.';

CREATE TABLE ledger.market_names (
    protocol    text    NOT NULL,
    market_key  text    NOT NULL,
    since_slot  bigint  NOT NULL,
    symbol      text    NOT NULL,
    PRIMARY KEY (protocol, market_key, since_slot)
);
COMMENT ON TABLE ledger.market_names IS 'Every name a market had; each holds until the next. Slot 0: as shipped.';
INSERT INTO ledger.market_names (protocol, market_key, since_slot, symbol)
SELECT protocol, market_key, 0, symbol FROM ledger.markets;

CREATE FUNCTION ledger.keep_market_name() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO ledger.market_names AS n (protocol, market_key, since_slot, symbol)
    VALUES (new.protocol, new.market_key, coalesce(new.symbol_since_slot, 0), new.symbol)
    ON CONFLICT (protocol, market_key, since_slot) DO UPDATE SET symbol = excluded.symbol
    WHERE n.symbol <> excluded.symbol;
    RETURN NULL;
END $$;

CREATE TRIGGER keep_market_name AFTER INSERT OR UPDATE OF symbol, symbol_since_slot ON ledger.markets
FOR EACH ROW EXECUTE FUNCTION ledger.keep_market_name();
