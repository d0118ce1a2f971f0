"""The layout ages of Jupiter's events: which ends are whole, and what is said of the others. Synthetic bytes."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.core.idl import Idl
from indexer.core.payload import Enclosing, Event, Payload
from indexer.core.protocol import Scene
from indexer.core.reference import Reference
from indexer.protocols.jupiter_perps import EVENTS, IDL, TAILS
from indexer.protocols.jupiter_perps.program import PURPOSES
from tests.encoder import discriminator, encode_event, encode_type, event_names, idl_text, random_event
from tests.idl_known import INSTRUCTIONS
from tests.unit.protocols.jupiter_world import (
    PROGRAM,
    REFERENCE,
    SOL_CUSTODY,
    UNKNOWN,
    payload,
    processed,
    protocol,
)
from tests.world import call, key

TAG = 8  # Lengths on chain count the tag of a self-CPI, payloads do not.
# Lengths of the instruction data with every Option empty, oldest first.
AGES = {
    "IncreasePositionEvent": (349, 373),
    "InstantIncreasePositionEvent": (282, 306),
    "DecreasePositionEvent": (335, 391),
    "InstantDecreasePositionEvent": (315, 371, 372),
    "LiquidateFullPositionEvent": (298, 306, 362),
    "LiquidatePositionEvent": (290, 298, 354),
    "ClosePositionRequestEvent": (125, 133),
    "RepayToCustodyEvent": (192, 208),
}


def decoded(data: bytes) -> tuple[list[str | None], list[str]]:
    result = processed(call(UNKNOWN, (), data))
    return [row.origin.event for row in result.events], [row.reason for row in result.failures]


def test_every_event_that_grew_is_listed():
    assert AGES.keys() == TAILS.keys()
    assert set(EVENTS) <= set(event_names(IDL))


@pytest.mark.parametrize("event", AGES)
def test_an_event_of_every_age_is_whole(event):
    for length, end in zip(AGES[event], (*TAILS[event], None), strict=True):
        data = payload(event, end=end)
        assert len(data) == length - TAG
        assert decoded(data) == ([event], [])


@pytest.mark.parametrize("event", AGES)
def test_an_event_between_two_ages_is_short(event):
    whole = [length - TAG for length in AGES[event]]
    newest = payload(event)
    for length in range(TAG, len(newest)):
        expected = ([event], []) if length in whole else ([], ["short_payload"])
        if event != "ClosePositionRequestEvent" or length != 112:  # There another layout has this length.
            assert decoded(newest[:length]) == expected, length


@pytest.mark.parametrize("event", event_names(IDL))
def test_more_than_the_newest_layout_is_read_and_reported(event):
    assert decoded(payload(event) + b"\0") == ([event], ["unexpected_length"])


@pytest.mark.parametrize("referral", [None, key(5)])
@pytest.mark.parametrize("order", [None, key(6)])
def test_the_optional_request_ends_an_instant_decrease(referral, order):
    data = payload("InstantDecreasePositionEvent", referral=referral, positionRequest=order, positionPrice=7)
    assert decoded(data) == (["InstantDecreasePositionEvent"], [])
    base = payload("InstantDecreasePositionEvent", referral=referral, end="referral")
    assert len(data) - len(base) == (57 if order is None else 89)


@pytest.mark.parametrize("body", [b"", b"1234567"])
def test_an_event_instruction_without_a_whole_discriminator_is_a_short_payload(body):
    (failure,) = processed(call(UNKNOWN, (), body)).failures
    assert (failure.reason, failure.discriminator, failure.payload) == ("short_payload", None, body)
    assert failure.detail == "fewer than 8 bytes behind the tag"


def test_the_first_close_request_is_known_by_its_length():
    body = encode_type(
        IDL, "ClosePositionRequestEventV0", positionRequestKey=key(1), owner=key(2), mint=key(3), amount=4
    )
    data = discriminator("ClosePositionRequestEvent") + body
    assert len(data) == 120 - TAG
    (row,) = processed(call(UNKNOWN, (), data)).records
    assert (row.action_key, row.owner, row.state, row.order_kind) == (key(1), key(2), "closed", None)


@pytest.mark.parametrize("entire", [None, True, False])
@pytest.mark.parametrize(("end", "bytes_more"), [("amount", 0), (None, 8)])
def test_later_close_requests_begin_with_what_was_prepended(entire, end, bytes_more):
    values = {"executed": True, "requestChange": 2, "requestType": 1, "positionRequestKey": key(1), "owner": key(2)}
    data = payload("ClosePositionRequestEvent", end=end, entirePosition=entire, **values)
    assert len(data) == 125 - TAG + (entire is not None) + bytes_more
    (row,) = processed(call(UNKNOWN, (), data)).records
    assert (row.action_key, row.owner, row.state, row.order_kind) == (key(1), key(2), "completed", "trigger_decrease")


def test_instruction_discriminators_are_those_seen_on_chain():
    known = dict(line.split() for line in INSTRUCTIONS[IDL].strip().splitlines())
    purposes = {name: purpose for name, text in known.items() if (purpose := PURPOSES.get(bytes.fromhex(text)))}
    assert purposes == {
        "addLiquidity2": "lp",
        "removeLiquidity2": "lp",
        "swap2": "swap",
        "swapWithTokenLedger": "swap",
        "increasePosition4": "position",
        "decreasePosition4": "position",
        "decreasePositionWithTpsl": "position",
        "instantIncreasePosition": "position",
        "instantDecreasePosition": "position",
        "instantDecreasePosition2": "position",
        "liquidateFullPosition4": "position",
    }


def purpose_by_name(name: str) -> str | None:
    """What the words say: requests, orders and loans swap nothing and hold no liquidity."""
    if re.match("(instant)?(Increase|Decrease)Position|liquidateFullPosition", name, re.IGNORECASE):
        return "position"
    return "lp" if re.match("(add|remove)Liquidity", name) else "swap" if name.startswith("swap") else None


def test_every_instruction_that_may_swap_or_hold_liquidity_has_its_purpose():
    instructions = {key: name for key, (name, _) in Idl(idl_text(IDL)).instructions.items()}
    assert {instructions[key]: purpose for key, purpose in PURPOSES.items()} == {
        name: purpose for name in instructions.values() if (purpose := purpose_by_name(name))
    }


keys = st.sampled_from([SOL_CUSTODY, key(98)])
discriminators = st.none() | st.sampled_from([d for d in PURPOSES if d]) | st.binary(max_size=8)
enclosings = st.builds(
    Enclosing,
    program_id=st.just(PROGRAM),
    index=st.none() | st.integers(0, 3),
    discriminator=discriminators,
    accounts=st.none() | st.just(()) | st.tuples(keys),
    stack_height=st.none() | st.integers(1, 9),
)
custodies = st.sampled_from(["positionCustody", "custodyKey", "receivingCustodyKey", "dispensingCustodyKey"])


@given(
    st.lists(st.tuples(random_event(IDL), enclosings, st.sets(custodies)), max_size=3),
    st.none() | st.integers(1, 2**40),
    st.sampled_from([REFERENCE, Reference()]),
)
def test_no_values_can_make_the_rules_raise(drawn, block_time, reference):
    layouts, events = protocol().programs[PROGRAM].layouts, []
    for index, ((name, values), enclosing, known) in enumerate(drawn):
        values = values | dict.fromkeys(known & values.keys(), SOL_CUSTODY)
        data = encode_event(IDL, name, **values)
        fields = layouts[data[:8]].decode(data)
        events.append(Event(name, fields, Payload(PROGRAM, "cpi", index, data, enclosing)))
    scene = Scene("jupiter_perps", 1, bytes(64), None, block_time, events, reference)
    rows = list(protocol().interpret(scene))
    identities = [(type(row), row.origin.index, row.part) for row in rows]
    assert len(set(identities)) == len(identities)
