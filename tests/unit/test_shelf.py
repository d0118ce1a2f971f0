"""Rows in memory by slot, against a plain dictionary."""

from hypothesis import given
from hypothesis import strategies as st

from indexer.core.coverage import Span, covers, union
from indexer.store.rows import BY_CLASS
from indexer.store.shelf import Shelf
from tests.store.ledger import origin, trade

places = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 2)), max_size=40)
spans = st.lists(st.builds(lambda start, size: Span(start, start + size), st.integers(0, 12), st.integers(1, 4)))


@given(places, spans)
def test_a_shelf_holds_what_was_added_and_not_removed_and_finds_it_by_slot(places, spans):
    one = trade(origin())
    table = BY_CLASS[type(one)]
    shelf, plain = Shelf(table), {}
    for slot, index in places:
        row = table.row(trade(origin(slot, index)), settled=False)
        if table.key(row) in plain:
            shelf.remove(table.key(row))
            del plain[table.key(row)]
        else:
            shelf.add(row)
            plain[table.key(row)] = row
    assert len(shelf) == len(plain)
    assert sorted(shelf) == sorted(plain.values())
    wanted = union(spans)
    assert dict(shelf.within(wanted)) == {key: row for key, row in plain.items() if covers(wanted, key[0])}
