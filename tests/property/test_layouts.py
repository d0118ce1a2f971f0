"""Every event of every IDL comes back as it was written, and no bytes make a decoder raise anything but data.

The payloads are synthetic: written by borsh-construct (`tests.encoder`) and read by our generated decoders and, as a
third reader, by anchorpy.
"""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from indexer.core.layout import Layout, Surplus, Undecodable, compile_layouts
from tests.encoder import (
    IDL_FILES,
    discriminator,
    encode_event,
    encode_type,
    event_fields,
    event_names,
    event_values,
    idl_text,
    random_payload,
)
from tests.programs import OLDER, TAILS, layouts
from tests.property.reading import anchorpy_coder, plain

EVENTS = [(idl_file, name) for idl_file in IDL_FILES for name in event_names(idl_file)]
GROWN = [(idl_file, name) for idl_file in IDL_FILES for name in TAILS[idl_file]]
LAYOUTS = {idl_file: layouts(idl_file) for idl_file in IDL_FILES}

# Without shrinking: payloads are short, and shrinking three hundred fields takes minutes.
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
QUIET = settings(deadline=None, phases=PHASES, suppress_health_check=list(HealthCheck))
few, some, many = (settings(QUIET, max_examples=count) for count in (4, 12, 150))


def layout_of(idl_file: str, event: str) -> Layout:
    return LAYOUTS[idl_file][discriminator(event)]


def outcome(layout: Layout, payload: bytes) -> tuple[str, object]:
    """How a payload is read: ("record", values), ("surplus", values) or (reason, None). Anything else raises."""
    try:
        return "record", plain(layout.decode(payload))
    except Surplus as surplus:
        return "surplus", plain(surplus.fields)
    except Undecodable as undecodable:
        return undecodable.reason, None


@pytest.mark.parametrize(("idl_file", "event"), EVENTS)
@some
@given(data=st.data())
def test_values_come_back_and_anchorpy_agrees(idl_file: str, event: str, data: st.DataObject) -> None:
    values = data.draw(event_values(idl_file, event))
    payload = encode_event(idl_file, event, **values)
    decoded = layout_of(idl_file, event).decode(payload)
    assert type(decoded).__struct_fields__ == tuple(values)
    assert plain(decoded) == plain(values)
    assert plain(anchorpy_coder(idl_file).parse(payload).data) == plain(values)


@pytest.mark.parametrize("idl_file", IDL_FILES)
@many
@given(data=st.data())
def test_no_bytes_raise_anything_but_data(idl_file: str, data: st.DataObject) -> None:
    """Noise, and true payloads with a few bytes changed, cut or added."""
    payload = bytearray(data.draw(random_payload(idl_file)))
    for place in data.draw(st.lists(st.integers(8, len(payload) - 1), max_size=4)):
        payload[place] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(8, len(payload)))
    body = data.draw(st.sampled_from((bytes(payload), bytes(payload[:cut]), bytes(payload) + payload[:cut])))
    layout = LAYOUTS[idl_file][body[:8]]
    assert outcome(layout, body)[0] in ("record", "surplus", "short_payload", "invalid_value")
    noise = data.draw(st.binary(max_size=200))
    for one in LAYOUTS[idl_file].values():
        outcome(one, one.discriminator + noise)


@pytest.mark.parametrize(("idl_file", "event"), EVENTS)
@few
@given(data=st.data())
def test_a_payload_ends_at_an_allowed_end_or_is_none(idl_file: str, event: str, data: st.DataObject) -> None:
    """At an allowed end: the fields up to it, then None. Between: short_payload. Beyond: the fields, and a surplus."""
    values = data.draw(event_values(idl_file, event))
    names = [field["name"] for field in event_fields(idl_file, event)]
    ends = [*TAILS[idl_file].get(event, ()), names[-1]]
    whole = encode_event(idl_file, event, **values)
    allowed = {len(encode_event(idl_file, event, end=end, **values)): names.index(end) + 1 for end in ends}
    for length in {*allowed, *(n + by for n in allowed for by in (-1, 1)), 8, *_between(sorted(allowed))} - OLDER.get(
        event, {}
    ).keys():
        read = allowed.get(length)
        found = outcome(layout_of(idl_file, event), (whole + b"\7")[:length])
        if read is not None:
            expected = [*(plain(values[name]) for name in names[:read]), *[None] * (len(names) - read)]
            assert found == ("record", expected), length
        elif length > len(whole):
            assert found == ("surplus", plain(values))
        else:
            assert found == ("short_payload", None), length


def _between(lengths: list[int]) -> list[int]:
    return [(low + high) // 2 for low, high in pairwise([8, *lengths]) if high - low > 1]


def test_the_four_field_layout_is_known_by_its_length() -> None:
    key = bytes(range(32))
    old = encode_type("jupiter_perps.json", "ClosePositionRequestEventV0", positionRequestKey=key, amount=2**64 - 1)
    read = layout_of("jupiter_perps.json", "ClosePositionRequestEvent").decode(
        discriminator("ClosePositionRequestEvent") + old
    )
    assert (read.positionRequestKey, read.amount, read.executed, read.openTime) == (key, 2**64 - 1, None, None)


@pytest.mark.parametrize("idl_file", IDL_FILES)
@many
@given(data=st.data())
def test_a_tag_without_meaning_is_invalid(idl_file: str, data: st.DataObject) -> None:
    """Where anchorpy refuses a payload of the right length, so do we: no byte is read as a near miss."""
    payload = bytearray(data.draw(random_payload(idl_file)))
    place = data.draw(st.integers(8, len(payload) - 1))
    payload[place] = data.draw(st.sampled_from((2, 3, 21, 250)))
    body = bytes(payload)
    kind, values = outcome(LAYOUTS[idl_file][body[:8]], body)
    if kind == "record":
        assert values == plain(anchorpy_coder(idl_file).parse(body).data)


def test_layouts_forget_nothing_but_the_event_that_was_removed() -> None:
    document = json.loads(idl_text("drift.json"))
    document["events"] = [event for event in document["events"] if event["name"] != "OrderRecord"]
    missing = compile_layouts(idl_text("drift.json")).keys() - compile_layouts(json.dumps(document)).keys()
    assert missing == {discriminator("OrderRecord")}
