"""The certificate: causes of gaps, what is explained, and what is called whole."""

from __future__ import annotations

import pytest

from indexer.core.coverage import Span
from indexer.verify.certificate import Counts, certificate
from indexer.verify.chain import Break, Chain, Known, Place
from indexer.verify.evidence import EVIDENCE, NOT_PROVABLE
from indexer.verify.gap import Cause, Circumstances, Gap, cause_of

FILLS = Chain("drift", "perp_fills", "perp:0")
SPAN = Span(100, 200)
WHOLE = {one.name: Counts(chains=1, links=3, readings=1, tied=1) for one in EVIDENCE["drift"]}


def broken(expected: int = 4, found: int = 6, chain: Chain = FILLS) -> Break:
    after, before = (Known(Place(slot, 0, 0), b"", None, value) for slot, value in ((110, expected), (120, found)))
    return Break(chain=chain, after=after, before=before, expected=expected, found=found)


@pytest.mark.parametrize(
    ("circumstances", "cause"),
    [
        (Circumstances(), None),
        (Circumstances(is_settled=False, truncated=1), "not_settled"),
        (Circumstances(truncated=1, unreadable=1), "bounded"),
        (Circumstances(truncated=1, unreadable=1, is_refetched=True), "truncated"),
        (Circumstances(unreadable=1), "unreadable"),
        (Circumstances(is_refetched=True), "never_emitted"),
    ],
)
def test_a_cause_is_what_is_known_of_the_slots_between(circumstances: Circumstances, cause: Cause | None):
    assert cause_of(broken(), circumstances) == cause


def test_numbers_that_run_back_contradict_each_other():
    assert cause_of(broken(expected=6, found=4), Circumstances()) == "contradiction"


def test_a_gap_of_a_counter_names_what_is_missing():
    assert Gap(broken=broken()).numbers == (5, 6)
    assert Gap(broken=broken()).bracket == Span(110, 121)


def test_what_has_no_number_names_none():
    assert Gap(broken=broken(chain=Chain("jupiter_perps", "positions", "p"))).numbers is None


def test_one_more_look_is_taken_at_what_may_not_be_explained_wholly():
    assert Gap(broken=broken(), cause="bounded").may_be_cured
    assert not Gap(broken=broken(), cause="truncated", refetched_from="blocks").may_be_cured
    assert Gap(broken=broken(), cause="never_emitted", refetched_from="blocks").may_be_cured
    assert not Gap(broken=broken(), cause="not_settled").may_be_cured


def test_all_that_is_tied_down_without_a_gap_is_whole():
    found = certificate("drift", SPAN, (), WHOLE, [])
    assert (found.state, found.is_whole) == ("whole", True)


@pytest.mark.parametrize(
    ("cause", "state", "is_whole"),
    [(None, "broken", False), ("truncated", "truncated", True), ("bounded", "bounded", False),
     ("not_settled", "unsettled", False),
     ("never_emitted", "broken", False), ("row_missing", "broken", False)],
)  # fmt: skip
def test_a_gap_is_a_loss_unless_it_is_explained(cause: Cause | None, state: str, is_whole: bool):
    found = certificate("drift", SPAN, (), WHOLE, [Gap(broken=broken(), cause=cause)])
    assert (found.state, found.is_whole) == (state, is_whole)
    assert found.lines[0].missing == 2


def test_one_loss_beside_many_gaps_that_are_explained_is_a_loss():
    causes: list[Cause | None] = ["truncated", None, "bounded", "not_settled"]
    found = certificate("drift", SPAN, (), WHOLE, [Gap(broken=broken(), cause=cause) for cause in causes])
    assert found.state == "broken"


def test_slots_that_are_not_settled_leave_nothing_whole():
    assert certificate("drift", SPAN, (Span(150, 160),), WHOLE, []).state == "unsettled"


def test_an_end_that_nothing_tells_is_open_and_a_supply_without_a_reading_is_not_provable():
    open_end = {**WHOLE, "curves": Counts(chains=1, links=1, tied=1, open=1)}
    assert certificate("drift", SPAN, (), open_end, []).state == "open"
    moves = {"lp_supply": Counts(chains=1, links=9, open=1)}
    assert certificate("jupiter_perps", SPAN, (), moves, []).state == "not_provable"


@pytest.mark.parametrize("protocol", EVIDENCE)
def test_what_cannot_be_proven_is_said(protocol: str):
    assert certificate(protocol, SPAN, (), {}, []).not_provable == NOT_PROVABLE[protocol]
