-- Take away the marks that nobody has touched since they were read. One that a writer holds right now stays, since its
-- rows were not yet to be seen; nobody waits.
WITH untouched AS (
    SELECT {key}, d.writer
    FROM unnest({arrays}) AS taken ({names}, writer, version)
    JOIN ledger.{table} AS d USING ({names}, writer)
    WHERE d.xmin::text = taken.version
    FOR UPDATE OF d SKIP LOCKED
)
DELETE FROM ledger.{table} AS d USING untouched AS u WHERE {same} AND d.writer = u.writer
