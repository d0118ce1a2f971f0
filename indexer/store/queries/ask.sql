INSERT INTO ledger.streams AS s (stream, asked)
SELECT stream, $2::int8multirange FROM unnest($1::text[]) AS stream ORDER BY stream
ON CONFLICT (stream) DO UPDATE SET asked = s.asked + excluded.asked
