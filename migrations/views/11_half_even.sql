-- The one rounding of computed dollars: half to even, as records are rounded when they are made.

CREATE OR REPLACE FUNCTION perps.half_even(value numeric, places int) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    -- In the middle between two neighbours: half of it rounds to half of the even one.
    WHEN abs(value - trunc(value, places)) * 2 = 10::numeric ^ -places THEN 2 * round(value * 0.5, places)
    ELSE round(value, places)
END;
COMMENT ON FUNCTION perps.half_even IS 'A number with so many decimals, rounded half to even.';
