"""Spans of slots against plain sets of integers."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.core.coverage import Span, common, covers, missing, of_slots, union

spans = st.lists(st.builds(lambda start, size: Span(start, start + size), st.integers(0, 40), st.integers(1, 9)))


def slots(some):
    return {slot for span in some for slot in range(span.start, span.end)}


def well_formed(some):
    return all(left.end < right.start for left, right in pairwise(some))


@given(spans, spans)
def test_union_holds_every_slot_of_both_and_no_other(left, right):
    assert slots(union(left, right)) == slots(left) | slots(right)


@given(spans, spans)
def test_missing_is_what_is_wanted_and_not_there(wanted, have):
    assert slots(missing(wanted, have)) == slots(wanted) - slots(have)


@given(spans, spans)
def test_common_is_what_both_have(left, right):
    assert slots(common(left, right)) == slots(left) & slots(right)


@given(spans, spans)
def test_results_are_ordered_and_neither_overlap_nor_touch(left, right):
    assert all(well_formed(result) for result in (union(left, right), missing(left, right), common(left, right)))


@given(spans, st.integers(0, 60))
def test_covers_agrees_with_the_set(some, slot):
    assert covers(union(some), slot) == (slot in slots(some))


@given(st.sets(st.integers(0, 50)))
def test_of_slots_holds_exactly_these(some):
    assert slots(of_slots(some)) == some


def test_touching_spans_become_one():
    assert union([Span(1, 3)], [Span(3, 5)]) == (Span(1, 5),)


@pytest.mark.parametrize(("start", "end"), [(3, 3), (4, 3), (-1, 2)])
def test_an_empty_or_negative_span_cannot_be_made(start, end):
    with pytest.raises(AssertionError, match=f"{start}..{end}"):
        Span(start, end)
