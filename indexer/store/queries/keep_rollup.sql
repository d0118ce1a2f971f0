-- Make the marked part of a rollup again: write the rows that changed, delete those that nothing stands for any more.
WITH {made},
written AS (
    INSERT INTO ledger.{table} AS r ({columns})
    SELECT {columns} FROM made
    ON CONFLICT ({key}) DO {update}
)
DELETE FROM ledger.{table} AS r
USING bucket
WHERE {scope} AND NOT EXISTS (SELECT FROM made WHERE {same})
