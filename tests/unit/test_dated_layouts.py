"""Layouts that hold from a slot: what a file may say, and which one reads a payload."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from indexer import app
from indexer.core.idl import UnsupportedIdl, discriminator
from indexer.core.layout import Layout, Surplus, Undecodable, compile_layouts
from indexer.errors import ConfigError

FIRST, SECOND = 500, 900
Field = Mapping[str, Any]


def field(name: str, kind: Any) -> Field:
    return {"name": name, "type": kind, "index": False}


def struct(name: str, *fields: Field) -> dict[str, Any]:
    return {"name": name, "type": {"kind": "struct", "fields": [{k: f[k] for k in ("name", "type")} for f in fields]}}


def written(layouts: Any, *types: dict[str, Any], event: Sequence[Field] = ()) -> str:
    document = {
        "version": "1",
        "name": "program",
        "instructions": [],
        "accounts": [],
        "types": list(types),
        "events": [{"name": "Fill", "fields": list(event or (field("price", "u64"), field("size", "u32")))}],
        "metadata": {"address": "x", "layouts": layouts},
    }
    return json.dumps(document)


# Size and price changed places; then the price became wider, and a fee was put in front. `dust` was taken away.
V0 = struct("FillV0", field("size", "u32"), field("price", "u32"), field("dust", "u8"))
V1 = struct("FillV1", field("price", "u32"), field("size", "u32"))
THREE = written(
    {"Fill": [{"fromSlot": 0, "type": "FillV0"}, {"fromSlot": FIRST, "type": "FillV1"}, {"fromSlot": SECOND}]}, V0, V1
)


def fill(text: str = THREE, **made: Any) -> Layout:
    return compile_layouts(text, file="program.json", **made)[discriminator("event", "Fill")]


def payload(*numbers: tuple[int, int]) -> bytes:
    return discriminator("event", "Fill") + b"".join(value.to_bytes(size, "little") for value, size in numbers)


def read(layout: Layout, slot: int, data: bytes) -> tuple[Any, ...]:
    fields = layout.at(slot)(data)
    return fields.price, fields.size, fields.dust


@pytest.mark.parametrize("slot", [0, FIRST - 1])
def test_before_its_slot_the_earlier_layout_reads(slot: int) -> None:
    assert read(fill(), slot, payload((7, 4), (11, 4), (1, 1))) == (11, 7, 1)


@pytest.mark.parametrize("slot", [FIRST, SECOND - 1])
def test_from_its_slot_on_a_layout_reads_also_payloads_of_the_same_length(slot: int) -> None:
    assert read(fill(), slot, payload((11, 4), (7, 4))) == (11, 7, None)


@pytest.mark.parametrize("slot", [SECOND, 2**60])
def test_the_last_layout_has_no_end(slot: int) -> None:
    assert read(fill(), slot, payload((11, 8), (7, 4))) == (11, 7, None)


def test_all_layouts_give_values_of_one_class_with_every_field() -> None:
    data = {0: payload((7, 4), (11, 4), (1, 1)), FIRST: payload((11, 4), (7, 4)), SECOND: payload((11, 8), (7, 4))}
    kinds = {type(fill().at(slot)(one)) for slot, one in data.items()}
    assert [kind.__struct_fields__ for kind in kinds] == [("price", "size", "dust")]


def test_a_payload_of_another_stretch_of_slots_is_not_taken_for_one_of_this() -> None:
    with pytest.raises(Undecodable):
        fill().at(SECOND)(payload((11, 4), (7, 4)))
    with pytest.raises(Surplus):
        fill().at(FIRST)(payload((11, 8), (7, 4)))


def test_an_event_of_one_layout_is_read_by_it_in_every_slot() -> None:
    layout = fill(written({}))
    assert (layout.earlier, layout.at(0), layout.at(2**60)) == ((), layout.decode, layout.decode)


def test_ends_hold_wherever_the_field_is_and_lengths_in_the_first_stretch_alone() -> None:
    short = struct("Short", field("dust", "u8"))
    text = written({"Fill": [{"fromSlot": 0, "type": "FillV0"}, {"fromSlot": FIRST}]}, V0, short)
    layout = fill(text, tails={"Fill": ("price",)}, older={"Fill": {9: "Short"}})
    assert read(layout, 1, payload((3, 1))) == (None, None, 3)
    assert read(layout, 1, payload((7, 4), (11, 4))) == (11, 7, None)
    assert read(layout, FIRST, payload((11, 8))) == (11, None, None)
    with pytest.raises(Undecodable):
        layout.at(FIRST)(payload((3, 1)))


def since(*slots: int) -> list[dict[str, Any]]:
    return [{"fromSlot": slot, "type": "FillV0"} for slot in slots[:-1]] + [{"fromSlot": slots[-1]}]


@pytest.mark.parametrize(
    ("layouts", "told"),
    [
        ({"Fill": since(0, 900, 500)}, "slot 500 is out of order with the one before it, from slot 900"),
        ({"Fill": since(0, 500, 500)}, "slot 500 overlaps the one before it, from slot 500"),
        ({"Fill": since(0)}, "two or more"),
        ({"Fill": []}, "two or more"),
        ({"Fill": since(5, 10)}, "the first from slot 0"),
        ({"Fill": [{"fromSlot": 0}, {"fromSlot": 5}]}, "names its type"),
        ({"Fill": [{"fromSlot": 0, "type": "FillV0"}, {"fromSlot": 5, "type": "FillV0"}]}, "names its type"),
        ({"Fill": [{"fromSlot": 0, "type": "Nowhere"}, {"fromSlot": 5}]}, "no type named Nowhere"),
        ({"Fill": [{"fromSlot": 0, "type": "Kind"}, {"fromSlot": 5}]}, "Kind is no struct"),
        ({"Fill": [{"fromSlot": 0, "kind": "FillV0"}, {"fromSlot": 5}]}, "unknown field `kind`"),
        ({"Fill": [{"fromSlot": "0", "type": "FillV0"}, {"fromSlot": 5}]}, "Expected `int`"),
        ({"Fell": since(0, 5)}, "Fell, which is no event"),
    ],
)
def test_a_file_that_contradicts_itself_is_refused_by_its_name(layouts: Any, told: str) -> None:
    kind = {"name": "Kind", "type": {"kind": "enum", "variants": [{"name": "A"}]}}
    with pytest.raises(UnsupportedIdl) as caught:
        fill(written(layouts, V0, kind))
    assert str(caught.value).startswith("program.json: ")
    assert told in str(caught.value)


def test_a_shipped_file_that_contradicts_itself_is_one_line_for_a_person(monkeypatch: pytest.MonkeyPatch) -> None:
    idls = app._idls()
    document = json.loads(idls["drift.json"])
    document["metadata"]["layouts"] = {"SwapRecord": [{"fromSlot": 3, "type": "FillV0"}, {"fromSlot": 2}]}
    monkeypatch.setattr(app, "_idls", lambda: {**idls, "drift.json": json.dumps(document)})
    with pytest.raises(ConfigError, match=r"drift\.json: SwapRecord: .*\[3, 2\]"):
        app.protocols.__wrapped__()
