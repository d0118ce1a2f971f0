"""Chains: stretches are joined in any grouping alike, and a break lies where something is missing, never elsewhere."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from indexer.verify.chain import (
    NOTHING,
    Chain,
    Link,
    Place,
    Segment,
    by_day,
    joined,
    last_readings,
    strung,
    summed,
    unit,
)

FILLS = Chain("drift", "perp_fills", "perp:0")
DAY = 86_400


def link(slot: int, before: int | None, after: int | None, *, delta: int = 0, time: int | None = None) -> Link:
    return Link(chain=FILLS, place=Place(slot, 0, 0), signature=b"", before=before, after=after, delta=delta, time=time)


def counted(*numbers: int) -> list[Link]:
    return [link(slot, number - 1, number) for slot, number in enumerate(numbers)]


@st.composite
def some_links(draw: st.DrawFn) -> list[Link]:
    values = st.integers(0, 4)
    kinds = draw(st.lists(st.tuples(st.booleans(), values, values, st.integers(-2, 2)), max_size=12))
    return [
        link(slot, before, after) if tells else link(slot, None, None, delta=delta)
        for slot, (tells, before, after, delta) in enumerate(kinds)
    ]


@given(some_links(), st.data())
def test_stretches_joined_in_any_grouping_are_the_whole(links: list[Link], data: st.DataObject):
    cut = data.draw(st.integers(0, len(links)))
    other = data.draw(st.integers(cut, len(links)))
    parts, inside = [], []
    for some in (links[:cut], links[cut:other], links[other:]):
        segment, breaks = _one(some)
        parts.append(segment)
        inside += breaks
    whole, breaks = strung(FILLS, parts)
    assert whole == _one(links)[0]
    assert sorted([*inside, *breaks], key=lambda one: one.before.place) == _one(links)[1]
    right, later = joined(FILLS, parts[1], parts[2])
    both, earlier = joined(FILLS, parts[0], right)
    assert both == whole
    assert [one for one in (earlier, later) if one] == breaks


def _one(links: list[Link]) -> tuple[Segment, list]:
    segments, breaks = summed(links)
    return segments.get(FILLS, NOTHING), breaks


def test_numbers_that_follow_each_other_prove_themselves():
    segments, breaks = summed(counted(5, 6, 7))
    assert breaks == []
    assert (segments[FILLS].links, segments[FILLS].last.value) == (3, 7)


def test_a_missing_number_breaks_between_its_neighbours():
    (one,) = summed(counted(5, 7))[1]
    assert (one.after.place.slot, one.before.place.slot, one.expected, one.found) == (0, 1, 5, 6)


def test_a_number_that_comes_again_is_a_break_too():
    assert [one.found < one.expected for one in summed(counted(5, 5))[1]] == [True]


def test_what_only_moves_is_checked_by_the_next_value_that_is_told():
    told = [link(0, 10, 10), link(1, None, None, delta=5), link(2, None, None, delta=-2), link(3, 13, 13)]
    assert summed(told)[1] == []
    (one,) = summed([told[0], *told[2:]])[1]
    assert (one.after.place.slot, one.before.place.slot, one.found - one.expected) == (0, 3, 5)


def test_before_the_first_and_behind_the_last_value_nothing_is_doubted():
    assert summed([link(0, None, None, delta=7), link(1, 3, 3), link(2, None, None, delta=9)])[1] == []


def test_links_are_read_in_the_order_of_their_places():
    assert summed(reversed(counted(5, 6, 7)))[1] == []


def test_what_has_no_time_is_of_the_day_before_it_and_days_never_run_back():
    times = (None, 3 * DAY, None, 4 * DAY, 3 * DAY + 7)
    links = [link(slot, slot, slot + 1, time=time) for slot, time in enumerate(times)]
    segments, breaks = by_day(links)
    assert {day: one.links for (_, day), one in segments.items()} == {3: 3, 4: 2}
    assert breaks == []


def test_of_readings_in_one_transaction_the_last_counts_at_its_end():
    first, last = link(0, 3, 3), link(1, 4, 4)
    (kept,) = last_readings([last, first])
    assert kept.after == 4
    assert kept.place.position > 10**9


def test_a_unit_tells_both_of_its_ends():
    one = unit(link(0, 4, 5))
    assert (one.first.value, one.last.value) == (4, 5)
