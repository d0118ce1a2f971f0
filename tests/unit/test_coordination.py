"""Claims, starts and anchors as decided by pure code, against plain sets of slots."""

from hypothesis import given
from hypothesis import strategies as st

from indexer.core.coverage import Span, of_slots, union
from indexer.store.coordination import (
    ANCHOR_SLOTS,
    Anchor,
    ProviderHealth,
    StreamState,
    new_anchors,
    part_to_claim,
    stored_health,
    wanted_slots,
    would_skip,
)

slots = st.sets(st.integers(0, 30))
KEY = "api-key=abcdef0123456789"


def of(spans) -> set[int]:
    return {slot for span in spans for slot in range(span.start, span.end)}


@given(slots, slots, st.integers(1, 10), st.booleans())
def test_a_part_is_wanted_free_whole_and_the_first_of_its_side(wanted, held, most, newest):
    part = part_to_claim(of_slots(wanted), of_slots(held), most, newest_first=newest)
    free = wanted - held
    if part is None:
        assert free == set()
        return
    assert of([part]) <= free
    assert (part.end - 1 if newest else part.start) == (max(free) if newest else min(free))
    assert len(part) == most or (part.start - 1 if newest else part.end) not in free


@given(st.none() | st.integers(0, 30), slots, st.none() | st.integers(0, 30))
def test_wanted_is_what_was_asked_and_all_from_the_start_up_to_the_head(start, asked, head):
    wanted = of(wanted_slots(StreamState(wanted_from=start, asked=of_slots(asked)), head))
    tail = set() if start is None or head is None else set(range(start, head + 1))
    assert wanted == asked | tail


@given(st.integers(0, 30), st.none() | st.integers(0, 30), slots)
def test_a_start_would_skip_what_was_wanted_and_what_lies_behind_the_settled(start, wanted_from, covered):
    skipped = of(would_skip(start, StreamState(wanted_from=wanted_from), of_slots(covered)))
    behind = [slot for slot in covered if slot < start]
    expected = set(range(max(behind) + 1, start)) if behind else set()
    if wanted_from is not None:
        expected |= set(range(wanted_from, start)) - covered
    assert skipped == expected


def test_a_start_above_what_is_covered_leaves_a_hole_that_has_a_name():
    state, covered = StreamState(wanted_from=100), (Span(100, 200), Span(250, 300))
    assert would_skip(100, state, covered) == ()
    assert would_skip(290, state, covered) == (Span(200, 250),)
    assert would_skip(310, state, covered) == (Span(200, 250), Span(300, 310))
    assert would_skip(310, StreamState(), covered) == (Span(300, 310),)
    assert would_skip(310, StreamState(), ()) == ()


@given(st.dictionaries(st.integers(0, 5 * ANCHOR_SLOTS), st.integers(0, 9)), slots, st.sets(st.integers(0, 4)))
def test_an_anchor_is_the_first_settled_slot_of_its_number(times, settled, known):
    spans = union(Span(slot * 20, slot * 20 + 10) for slot in settled)
    anchors = new_anchors(times, spans, known)
    fitting = {slot for slot in times if slot in of(spans) and slot // ANCHOR_SLOTS not in known}
    assert set(anchors) == {slot // ANCHOR_SLOTS for slot in fitting}
    for number, anchor in anchors.items():
        first = min(slot for slot in fitting if slot // ANCHOR_SLOTS == number)
        assert anchor == Anchor(first, times[first])


def test_stored_health_has_no_credential_and_no_endless_error():
    health = ProviderHealth(
        endpoint=f"https://rpc.example/?{KEY}", method="getBlock", requests=1, errors=1, rate_limited=0,
        last_error=f"wss://rpc.example/?{KEY} closed " + "x" * 5000,
    )  # fmt: skip
    stored = stored_health(health)
    assert stored.endpoint.startswith("https://rpc.example/")
    assert stored.last_error is not None
    assert len(stored.last_error) <= 300
    assert "abcdef" not in f"{stored.endpoint} {stored.last_error}"
