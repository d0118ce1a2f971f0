-- The one division of computed numbers, and the one reading of a sum over rows that may not tell it.

CREATE OR REPLACE FUNCTION ledger.ratio(numerator numeric, denominator numeric, places int) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
-- As many digits as make a second rounding, by half_even, the only one that counts.
RETURN trim_scale(perps.half_even(round(numerator, 60) / nullif(denominator, 0), places));
COMMENT ON FUNCTION ledger.ratio IS 'A quotient with so many decimals, rounded half to even; NULL where the denominator is 0.';

CREATE OR REPLACE FUNCTION ledger.total(rows numeric, known numeric) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN coalesce(rows, 0) = 0 THEN 0 ELSE known END;
COMMENT ON FUNCTION ledger.total IS 'A sum over so many rows: 0 without rows, NULL where none of them tells it.';

CREATE OR REPLACE FUNCTION ledger.dollars(e6 numeric) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN trim_scale(e6 * 0.000001);
COMMENT ON FUNCTION ledger.dollars IS 'Dollars of micro-dollars.';

CREATE OR REPLACE FUNCTION ledger.side(this numeric, other numeric) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN num_nonnulls(this, other) > 0 THEN coalesce(this, 0) END;
COMMENT ON FUNCTION ledger.side IS 'One of two sides of a sum: 0 where only the other side is there, NULL where no row tells its side.';
