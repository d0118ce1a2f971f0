-- Take away the marks that nobody has touched since they were read. One that a writer holds right now stays, since its
-- rows were not yet to be seen; nobody waits.
WITH untouched AS (
    SELECT {key}
    FROM unnest({arrays}) AS taken ({names}, version)
    JOIN ledger.{table} AS d USING ({names})
    WHERE d.xmin::text = taken.version
    FOR UPDATE OF d SKIP LOCKED
)
DELETE FROM ledger.{table} AS d USING untouched AS u WHERE {same}
