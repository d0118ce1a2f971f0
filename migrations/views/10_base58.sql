-- Base58, as people write keys and signatures, of bytes of any length.
--
-- Ten digits at a time: 58^10 fits a bigint, so that a key takes five divisions of large numbers, not forty-four.

CREATE OR REPLACE FUNCTION perps.base58(data bytea) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    ten      CONSTANT numeric := 430804206899405824;  -- 58^10
    alphabet CONSTANT text := '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';
    body     bytea := ltrim(data, '\x00'::bytea);
    hex      text;
    value    numeric := 0;
    higher   numeric;
    digits   bigint;
    written  text := '';
BEGIN
    hex := encode(body, 'hex');
    hex := repeat('0', (14 - length(hex) % 14) % 14) || hex;
    FOR place IN 1 .. length(hex) BY 14 LOOP
        value := value * 72057594037927936 + ('x' || substr(hex, place, 14))::bit(56)::bigint;  -- 2^56
    END LOOP;
    WHILE value > 0 LOOP
        higher := div(value, ten);
        digits := value - higher * ten;
        value := higher;
        written := substr(alphabet, (digits / 7427658739644928 + 1)::int, 1)
            || substr(alphabet, (digits / 128063081718016 % 58 + 1)::int, 1)
            || substr(alphabet, (digits / 2207984167552 % 58 + 1)::int, 1)
            || substr(alphabet, (digits / 38068692544 % 58 + 1)::int, 1)
            || substr(alphabet, (digits / 656356768 % 58 + 1)::int, 1)
            || substr(alphabet, (digits / 11316496 % 58 + 1)::int, 1)
            || substr(alphabet, (digits / 195112 % 58 + 1)::int, 1)
            || substr(alphabet, (digits / 3364 % 58 + 1)::int, 1)
            || substr(alphabet, (digits / 58 % 58 + 1)::int, 1)
            || substr(alphabet, (digits % 58 + 1)::int, 1)
            || written;
    END LOOP;
    RETURN repeat('1', length(data) - length(body)) || ltrim(written, '1');
END $$;
COMMENT ON FUNCTION perps.base58 IS 'Bytes as base58 text.';

CREATE OR REPLACE FUNCTION perps.key(text text) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    alphabet CONSTANT pg_catalog.text := '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';
    body     CONSTANT pg_catalog.text := ltrim(text, '1');
    value    numeric := 0;
    higher   numeric;
    digit    int;
    hex      pg_catalog.text := '';
BEGIN
    FOR place IN 1 .. length(body) LOOP
        digit := strpos(alphabet, substr(body, place, 1)) - 1;
        IF digit < 0 THEN
            RAISE EXCEPTION 'no base58: %', left(text, 100) USING ERRCODE = 'invalid_text_representation';
        END IF;
        value := value * 58 + digit;
    END LOOP;
    WHILE value > 0 LOOP
        higher := div(value, 72057594037927936);  -- 2^56
        hex := lpad(to_hex((value - higher * 72057594037927936)::bigint), 14, '0') || hex;
        value := higher;
    END LOOP;
    RETURN decode(repeat('00', length(text) - length(body)), 'hex') || ltrim(decode(hex, 'hex'), '\x00'::bytea);
END $$;
COMMENT ON FUNCTION perps.key IS 'The bytes of a base58 text, to compare with the columns that hold bytes.';
