-- What was let go is not wanted because a setting still says so.
INSERT INTO ledger.streams AS s (stream, wanted_from)
SELECT stream, greatest($2, (SELECT border FROM ledger.retention WHERE kind = 'all'))
FROM unnest($1::text[]) AS stream ORDER BY stream
ON CONFLICT (stream) DO UPDATE SET wanted_from = CASE
    WHEN $3::boolean THEN excluded.wanted_from ELSE least(s.wanted_from, excluded.wanted_from)
END
