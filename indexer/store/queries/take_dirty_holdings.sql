-- Take marks away, the newest hours first. Only who rolls up writes them, one at a time.
DELETE FROM ledger.dirty_holdings AS d
USING (
    SELECT hour, protocol, component, component_key, holding
    FROM ledger.dirty_holdings
    ORDER BY hour DESC, protocol DESC, component DESC, component_key DESC, holding DESC
    LIMIT $1
) AS t
WHERE d.hour = t.hour AND d.protocol = t.protocol AND d.component = t.component
    AND d.component_key = t.component_key AND d.holding = t.holding
RETURNING d.hour, d.protocol, d.component, d.component_key, d.holding
