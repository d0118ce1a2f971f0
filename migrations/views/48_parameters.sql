-- What numbers were made with, and the arithmetic that queries over the daily views share with them.

CREATE VIEW perps.parameters AS
SELECT protocol, name, value FROM ledger.parameters;

COMMENT ON VIEW perps.parameters IS 'Parameters that numbers are made with: limits of age, least days of a ratio, the rule for wash trading, shares of fees.';
COMMENT ON COLUMN perps.parameters.protocol IS 'drift, jupiter_perps or gmx_solana; all: of every protocol.';
COMMENT ON COLUMN perps.parameters.name IS 'price_max_age_s, tvl_known_fraction, ratio_days (of seven), wash_*, protocol_share_bps.';
COMMENT ON COLUMN perps.parameters.value IS 'Its value, in the unit that its name tells.';

CREATE OR REPLACE FUNCTION perps.ratio(numerator numeric, denominator numeric, places int) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ledger.ratio(numerator, denominator, places);
COMMENT ON FUNCTION perps.ratio IS 'A quotient with so many decimals, rounded half to even; NULL where the denominator is 0. All ratios of perps.* are made by it.';

-- In a language whose text names no object, or the view above could not be dropped before it.
CREATE OR REPLACE FUNCTION perps.least_days(days int) RETURNS int
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN (
        SELECT ceil(least.value * days / 7) FROM perps.parameters AS least
        WHERE least.protocol = 'all' AND least.name = 'ratio_days'
    );
END $$;
COMMENT ON FUNCTION perps.least_days IS 'How many days of a window have to be full for a ratio to be told: five of seven (ratio_days), and as many in proportion.';
