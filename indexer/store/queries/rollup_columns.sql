-- The columns of a table, in order, and whether each is of its primary key.
SELECT a.attname::text AS name, a.attnum = ANY (i.indkey) AS is_key
FROM pg_attribute AS a
JOIN pg_index AS i ON i.indrelid = a.attrelid AND i.indisprimary
WHERE a.attrelid = $1::text::regclass AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum
