-- A price is that of a token or of a market, seldom of both: each index holds the rows that it can find, and a row that
-- comes is put into one of the two.
DROP INDEX ledger.price_observations_mint;
CREATE INDEX price_observations_mint ON ledger.price_observations (mint, block_time) WHERE mint IS NOT NULL;
DROP INDEX ledger.price_observations_market;
CREATE INDEX price_observations_market ON ledger.price_observations (protocol, market_key, block_time) WHERE market_key IS NOT NULL;
