"""Straight decoders: whatever was learnt from whatever came before, every payload is read as by the plain decoder."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from indexer.core import outline
from indexer.core.decoder import Surplus, Undecodable, compile_decoder
from indexer.core.idl import Fields, Idl
from indexer.core.outline import Outlines, has_outlines
from tests.encoder import IDL_FILES, encode_event, event_names, event_values, idl_text
from tests.mutation import exchanged
from tests.programs import TAILS

QUIET = settings(
    deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate), suppress_health_check=list(HealthCheck)
)
FIRST_OPTION = 21  # Of a fill: its tag.


def shape(idl_file: str, event: str) -> Fields:
    return Idl(idl_text(idl_file)).events[event]


WITH_OUTLINES = [
    (idl_file, event)
    for idl_file in IDL_FILES
    for event in event_names(idl_file)
    if has_outlines(shape(idl_file, event))
]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever comes is learnt at once."""
    monkeypatch.setattr(outline, "_EVERY", 1)
    monkeypatch.setattr(outline, "_OFTEN", 1)


def both(idl_file: str, event: str) -> tuple[Outlines, Callable[[bytes], Any]]:
    """A decoder that learns, and the plain one that it has below it."""
    one = shape(idl_file, event)
    learning = compile_decoder(one, ends=TAILS[idl_file].get(event, ())).__self__  # type: ignore[attr-defined]
    assert isinstance(learning, Outlines)
    return learning, learning.plain


def outcome(decode: Callable[[bytes], Any], payload: bytes) -> tuple[str, Any]:
    try:
        return "record", decode(payload)
    except Surplus as surplus:
        return "surplus", (surplus.fields, surplus.extra_bytes)
    except Undecodable as undecodable:
        return undecodable.reason, undecodable.detail


def fill(**values: Any) -> bytes:
    return encode_event("drift.json", "OrderActionRecord", **values)


def test_the_event_that_comes_most_has_outlines() -> None:
    assert ("drift.json", "OrderActionRecord") in WITH_OUTLINES


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(("idl_file", "event"), WITH_OUTLINES)
@settings(QUIET, max_examples=60)
@given(data=st.data())
def test_what_was_learnt_changes_no_result(idl_file: str, event: str, data: st.DataObject) -> None:
    """The same payload again, its neighbours by a few bytes, cut and grown, each of all ages."""
    learning, plain = both(idl_file, event)
    for _ in range(4):
        values = data.draw(event_values(idl_file, event))
        end = data.draw(st.sampled_from([None, *TAILS[idl_file].get(event, ())]))
        payload = encode_event(idl_file, event, end=end, **values)
        spoilt = bytearray(payload)
        for place in data.draw(st.lists(st.integers(8, len(payload) - 1), max_size=3)):
            spoilt[place] = data.draw(st.sampled_from((0, 1, 2, 3, 25, 255)))
        for one in (
            payload,
            payload,
            bytes(spoilt),
            payload[: data.draw(st.integers(8, len(payload)))],
            payload + b"\0",
        ):
            assert outcome(learning.decode, one) == outcome(plain, one)
    assert learning.learnt.total()


@pytest.mark.usefixtures("quick")
@settings(QUIET, max_examples=100)
@given(data=st.data())
def test_no_byte_of_a_learnt_fill_is_read_as_a_near_miss(data: st.DataObject) -> None:
    learning, plain = both("drift.json", "OrderActionRecord")
    payload = fill(filler=bytes(32), takerFee=7, makerOrderId=9)
    learning.decode(payload)
    for place in range(8, len(payload)):
        spoilt = payload[:place] + bytes([data.draw(st.integers(0, 255))]) + payload[place + 1 :]
        assert outcome(learning.decode, spoilt) == outcome(plain, spoilt)


@pytest.mark.usefixtures("quick")
def test_two_outlines_of_one_length_are_told_apart() -> None:
    learning, plain = both("drift.json", "OrderActionRecord")
    one, other = fill(takerFee=7), fill(makerFee=7)
    assert len(one) == len(other)
    for payload in (one, other, one, other):
        assert learning.decode(payload) == plain(payload)
    assert learning.learnt[len(one)] == 2


@pytest.mark.usefixtures("quick")
def test_what_was_learnt_is_used() -> None:
    learning, plain = both("drift.json", "OrderActionRecord")
    payload = fill(takerFee=7)
    learning.decode(payload)

    def unasked(_: bytes) -> None:
        raise AssertionError

    learning.plain = unasked
    assert learning.decode(payload) == plain(payload)


def test_an_outline_is_learnt_that_comes_often_and_no_other() -> None:
    learning, _ = both("drift.json", "OrderActionRecord")
    often, seldom = fill(takerFee=7), fill()
    for number in range(outline._EVERY * outline._OFTEN):
        assert not learning.learnt.total()
        learning.decode(seldom if number == 1 else often)
    assert +learning.learnt == {len(often): 1}


@pytest.mark.usefixtures("quick")
def test_how_much_is_learnt_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outline, "_OUTLINES", 3)
    monkeypatch.setattr(outline, "_OF_ONE_LENGTH", 2)
    learning, plain = both("drift.json", "OrderActionRecord")
    amounts = ("fillerReward", "fillRecordId", "takerFee", "makerFee")
    for names in ((), amounts[:1], amounts[1:2], amounts[2:3], amounts[:2], amounts[:3]):
        payload = fill(**dict.fromkeys(names, 7))
        assert learning.decode(payload) == plain(payload)
    assert sorted(learning.learnt.values()) == [1, 2]


@pytest.mark.usefixtures("quick")
def test_what_is_counted_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outline, "_OFTEN", 2)
    monkeypatch.setattr(outline, "_COUNTED", 2)
    learning, _ = both("drift.json", "OrderActionRecord")
    for payload in (fill(), fill(takerFee=7), fill(makerFee=7), fill()):
        learning.decode(payload)
    assert not learning.learnt.total()  # The first was forgotten before it came again.


def test_layouts_that_are_known_by_their_length_learn_nothing() -> None:
    """An older layout may have the length of an outline of the newest one."""
    one = shape("drift.json", "OrderActionRecord")
    assert not hasattr(compile_decoder(one, older={99: one}), "__self__")


MUTANTS = [
    ("(data) != ", "(data) == () != "),  # No tag is looked at.
    ("if checks else []", "if False else []"),  # No value is checked.
    ("1 + smallest_bytes(item.item)", "smallest_bytes(item.item)"),
    ("if size == length:", "if False:"),  # No end but the last one is known.
]


def is_as_planned() -> bool:
    """Fills of two outlines and three lengths, sound and spoilt: read as they should be, each length learnt."""
    learning, plain = both("drift.json", "OrderActionRecord")
    sound = [fill(takerFee=7), fill(makerFee=7), fill(takerFee=7, takerOrderDirection=1)]
    sound += [one[:-7] for one in sound]  # Up to the flags.
    spoilt = [one[:9] + bytes([200]) + one[10:] for one in sound] + [one.replace(b"\1\1", b"\1\7") for one in sound]
    right = all(outcome(learning.decode, one) == outcome(plain, one) for one in (*sound, *sound, *spoilt))
    return right and len(+learning.learnt) == 4


@pytest.mark.usefixtures("quick")
def test_the_world_of_the_mutants_holds() -> None:
    assert is_as_planned()


@pytest.mark.parametrize("piece", MUTANTS)
def test_a_mutant_is_noticed(piece: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    at_once = ("_EVERY, _OFTEN = 16, 4", "_EVERY, _OFTEN = 1, 1")
    exchanged("core.outline", at_once, piece)(monkeypatch)
    with pytest.raises((AssertionError, struct.error)):  # Of structs: where lengths differ.
        assert is_as_planned()
