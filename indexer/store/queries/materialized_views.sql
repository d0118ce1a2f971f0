-- Materialized views of these names ($1, empty: all) and those that they read, in the order in which they were made:
-- each after what it reads.
WITH RECURSIVE wanted (oid) AS (
    SELECT oid FROM pg_class
    WHERE relnamespace = 'perps'::regnamespace AND relkind = 'm' AND (cardinality($1::text[]) = 0 OR relname = ANY ($1))
    UNION
    SELECT d.refobjid
    FROM wanted AS w
    JOIN pg_rewrite AS r ON r.ev_class = w.oid
    JOIN pg_depend AS d
        ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid AND d.refclassid = 'pg_class'::regclass
)
SELECT c.relname::text AS name
FROM wanted AS w
JOIN pg_class AS c USING (oid)
WHERE c.relnamespace = 'perps'::regnamespace AND c.relkind = 'm'
ORDER BY c.oid
