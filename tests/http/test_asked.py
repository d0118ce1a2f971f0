"""Parameters of a request, whatever they are: what fits, or an error that says so; nothing else is raised."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.http.asked import Asked, asked, opened, sealed
from indexer.http.catalogue import Column, Relation
from indexer.http.selection import statement
from indexer.http.tables import TABLES
from indexer.http.trouble import Trouble

TRADES = TABLES["trades"]
KINDS = {
    "slot": "int8", "signature": "text", "channel": "text", "index": "int4", "part": "int2",
    "block_time": "timestamptz", "protocol": "text", "market": "text", "trader": "text", "trader_bytes": "bytea",
    "settled": "bool", "size_usd": "numeric",
}  # fmt: skip
RELATION = Relation("Fills.", {name: Column(name, kind, "") for name, kind in KINDS.items()})
NAMES = [*KINDS, "limit", "order", "cursor", "from", "to", "nosuch"]


def ask(*query: tuple[str, str]) -> Asked:
    return asked(TRADES, RELATION, query, 1000)


@given(st.lists(st.tuples(st.sampled_from(NAMES) | st.text(), st.text()), max_size=4))
def test_no_query_raises_anything_but_trouble(query: list[tuple[str, str]]) -> None:
    with suppress(Trouble):
        found = statement(TRADES, RELATION, ask(*query))
        assert not any("\0" in str(value) for value in found.values), "PostgreSQL would refuse it"


@given(st.lists(st.text(), min_size=5, max_size=5), st.sampled_from(["asc", "desc"]))
def test_a_cursor_gives_back_the_key_that_it_hides(key: list[str], order: str) -> None:
    order_ = "asc" if order == "asc" else "desc"
    key = [part.encode("utf-8", "replace").decode().replace("\0", "") for part in key]
    assert opened(TRADES, order_, sealed(TRADES, order_, key)) == tuple(key)


@given(st.text(alphabet="ABCabc012-_=", max_size=40))
def test_a_made_up_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(Trouble, match="cursor"):
        opened(TRADES, "desc", cursor)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-31", datetime(2026, 1, 31, tzinfo=UTC)),
        ("2026-01-31T10:00:00Z", datetime(2026, 1, 31, 10, tzinfo=UTC)),
        ("2026-01-31t10:00:00.5z", datetime(2026, 1, 31, 10, 0, 0, 500_000, tzinfo=UTC)),
        ("2026-01-31T10:00:00+02:00", datetime(2026, 1, 31, 8, tzinfo=UTC)),
        ("0001-01-01T00:00:00+01:00", datetime.min.replace(tzinfo=UTC)),
        ("9999-12-31T23:59:59-01:00", datetime.max.replace(tzinfo=UTC)),
    ],
)
def test_a_time_is_a_day_or_has_its_zone(text: str, moment: datetime) -> None:
    assert ask(("from", text)).begin == moment


def test_values_travel_as_parameters_and_never_in_the_text() -> None:
    found = statement(TRADES, RELATION, ask(("market", "'; DROP TABLE trades --"), ("limit", "7")))
    assert "DROP" not in found.text
    assert "'; DROP TABLE trades --" in found.values
    assert found.values[-1] == 8, "one more row says whether there is another page"


def test_a_key_is_compared_as_bytes_so_that_its_index_is_used() -> None:
    assert 't."trader_bytes" = perps.key($1)' in statement(TRADES, RELATION, ask(("trader", "1" * 32))).text
