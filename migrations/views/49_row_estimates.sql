-- About how many rows there are, of statistics that the server keeps by itself: to count them reads them all.

-- With the owner's rights: readers see neither the tables nor what is known of them.
CREATE OR REPLACE FUNCTION ledger.estimate_rows() RETURNS TABLE (protocol text, kind text, rows bigint)
LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT told.protocol, parent.relname::text, sum(round(part.reltuples::numeric * told.share::numeric))::bigint
    FROM pg_class AS parent
    JOIN pg_inherits AS i ON i.inhparent = parent.oid
    JOIN pg_class AS part ON part.oid = i.inhrelid AND part.reltuples > 0
    JOIN pg_stats AS s
        ON s.schemaname = 'ledger' AND s.tablename = part.relname AND s.attname = 'protocol' AND NOT s.inherited
    CROSS JOIN LATERAL unnest(s.most_common_vals::text::text[], s.most_common_freqs) AS told (protocol, share)
    WHERE parent.relnamespace = 'ledger'::regnamespace AND parent.relkind = 'p'
    GROUP BY told.protocol, parent.relname
$$;
COMMENT ON FUNCTION ledger.estimate_rows IS 'About how many rows of each protocol a table of the ledger has.';

CREATE VIEW perps.row_estimates AS
SELECT e.protocol, e.kind, e.rows FROM ledger.estimate_rows() AS e;

COMMENT ON VIEW perps.row_estimates IS 'About how many rows of each kind there are, as the server last analysed them; none of what it has not yet.';
COMMENT ON COLUMN perps.row_estimates.protocol IS 'drift, jupiter_perps or gmx_solana.';
COMMENT ON COLUMN perps.row_estimates.kind IS 'What is counted: trades, swaps, events and so on, as the ledger calls them.';
COMMENT ON COLUMN perps.row_estimates.rows IS 'About how many.';
