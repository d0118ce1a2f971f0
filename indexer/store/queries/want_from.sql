INSERT INTO ledger.streams AS s (stream, wanted_from)
SELECT stream, $2 FROM unnest($1::text[]) AS stream ORDER BY stream
ON CONFLICT (stream) DO UPDATE SET wanted_from = CASE
    WHEN $3::boolean THEN excluded.wanted_from ELSE least(s.wanted_from, excluded.wanted_from)
END
