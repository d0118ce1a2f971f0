"""What would be misread: each way in which a published IDL can differ, in all dialects, and no false alarm."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from indexer import app
from indexer.core.idl import UnsupportedIdl, discriminator
from indexer.core.misreading import Finding, findings
from indexer.core.published import read_published
from tests.encoder import idl_text
from tests.shared import requires_shared, shared
from tests.unit.test_idl_files import FILES, PUBLISHED

Document = dict[str, Any]


def told(file: str, document: Mapping[str, Any] | str) -> list[Finding]:
    (program,) = [one for one in app.known_programs() if one.file == file]
    text = document if isinstance(document, str) else json.dumps(document)
    return findings(program.ours, read_published(text))


def event(document: Document, name: str) -> Document:
    return next(one for one in document["events"] if one["name"] == name)


def changed(file: str, change: Callable[[Document], object]) -> list[tuple[str, str, bool]]:
    document = json.loads(idl_text(file))
    change(document)
    return [(one.name, one.problem, one.is_misread) for one in told(file, document)]


@pytest.mark.parametrize("file", FILES)
def test_our_own_file_has_nothing_to_tell(file: str) -> None:
    assert told(file, idl_text(file)) == []


@requires_shared
@pytest.mark.parametrize("file", FILES)
def test_the_newest_published_idl_would_not_be_misread(file: str) -> None:
    text = shared("idl", "published", PUBLISHED[file][0]).read_text(encoding="utf-8")
    assert [one for one in told(file, text) if one.is_misread] == []


@requires_shared
def test_an_older_published_idl_is_misread_where_it_is_no_beginning_of_ours() -> None:
    """Appended fields, new variants and spare bytes that became something are no trouble."""
    misread = {}
    for file in FILES:
        for name in PUBLISHED[file]:
            text = shared("idl", "published", name).read_text(encoding="utf-8")
            misread[name] = {one.name for one in told(file, text) if one.is_misread and one.part == "event"}
    assert {name: events for name, events in misread.items() if events} == {
        "drift_2025-04-01_2.117.0_e58514bb4.json": {"SignedMsgOrderRecord"},
        "drift_2022-11-25_2.0.0_ae3c14fe7.json": {"OrderRecord"},
        "perps-2024-09-14-julianfssen-110a82d.json": {"ClosePositionRequestEvent"},
    }


def test_a_new_event_is_misread_and_a_gone_one_is_not() -> None:
    def replace(document: Document) -> None:
        event(document, "SwapRecord")["name"] = "SwapRecordV2"

    assert changed("drift.json", replace) == [("SwapRecordV2", "new", True), ("SwapRecord", "gone", False)]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda fields: fields.append({"name": "more", "type": "u8", "index": False}), "longer"),
        (lambda fields: fields.pop(), "shorter"),
        (lambda fields: fields[0].update(type="u64"), "other_fields"),
        (lambda fields: fields.insert(0, fields.pop()), "other_fields"),
        (lambda fields: fields[-1].update(type={"option": "u64"}), "other_fields"),
    ],
)
def test_other_bytes_are_misread(change: Callable[[list[Document]], object], problem: str) -> None:
    found = changed("drift.json", lambda document: change(event(document, "SwapRecord")["fields"]))
    assert found == [("SwapRecord", problem, True)]


def test_an_end_that_the_decoder_knows_is_not_misread() -> None:
    def cut(document: Document) -> None:
        fields = event(document, "DepositRecord")["fields"]
        del fields[[one["name"] for one in fields].index("transferUser") + 1 :]

    assert changed("drift.json", cut) == []


def test_another_name_of_the_same_bytes_is_told_and_not_misread() -> None:
    rename = {"name": "somethingElse"}
    found = changed("drift.json", lambda document: event(document, "SwapRecord")["fields"][0].update(rename))
    assert found == [("SwapRecord", "renamed", False)]


def test_a_variant_that_we_do_not_know_is_misread() -> None:
    def more(document: Document) -> None:
        one = next(one for one in document["types"] if one["name"] == "DepositDirection")
        one["type"]["variants"].append({"name": "Sideways"})

    assert ("DepositRecord", "other_fields", True) in changed("drift.json", more)


def test_an_account_field_that_moved_is_misread_and_spare_bytes_that_became_something_are_not() -> None:
    def shifted(document: Document) -> None:
        document["accounts"][1]["type"]["fields"].insert(0, {"name": "first", "type": "u8"})

    assert changed("drift.json", shifted) == [("SpotMarket", "other_fields", True)]

    def carved(document: Document) -> None:
        fields = document["accounts"][0]["type"]["fields"]
        (place,) = [n for n, one in enumerate(fields) if one["name"].startswith("padding")]
        length = fields[place]["type"]["array"][1]
        spare = {"name": "padding", "type": {"array": ["u8", length - 1]}}
        fields[place : place + 1] = [{"name": "carved", "type": "u8"}, spare]

    assert changed("drift.json", carved) == []


def test_accounts_of_callers_that_moved_are_misread() -> None:
    def moved(document: Document) -> None:
        document["instructions"][0]["accounts"].reverse()

    assert [one[1:] for one in changed("jupiter_perps.json", moved)] == [("other_accounts", True)]


# --- dialects ------------------------------------------------------------------------------------------------------


def in_new_dialect(key: bytes, kind: Any = "u64") -> Document:
    """Anchor's new dialect: SwapRecord is declared among the types, by a generic struct."""
    fields = [{"name": "amount_in", "type": {"generic": "T"}}, {"name": "owner", "type": "pubkey"}]
    swap = {"name": "Pair", "generics": [{"kind": "type", "name": "T"}], "type": {"kind": "struct", "fields": fields}}
    given = {"defined": {"name": "Pair", "generics": [{"kind": "type", "type": kind}]}}
    record = {"name": "SwapRecord", "type": {"kind": "struct", "fields": [{"name": "pair", "type": given}]}}
    return {
        "address": "x", "metadata": {"name": "drift", "version": "3.0.0", "spec": "0.1.0"}, "instructions": [],
        "events": [{"name": "SwapRecord", "discriminator": list(key)}], "types": [swap, record],
    }  # fmt: skip


def test_another_discriminator_under_the_same_name_is_misread() -> None:
    problems = {one.problem for one in told("drift.json", in_new_dialect(b"otherone")) if one.name == "SwapRecord"}
    assert "other_discriminator" in problems
    right = told("drift.json", in_new_dialect(discriminator("event", "SwapRecord")))
    assert "other_discriminator" not in {one.problem for one in right if one.name == "SwapRecord"}


def test_a_type_that_no_shape_says_is_unreadable_of_its_event_alone() -> None:
    found = told("drift.json", in_new_dialect(discriminator("event", "SwapRecord"), {"hashMap": ["u8", "u8"]}))
    assert [one.problem for one in found if one.name == "SwapRecord"] == ["unreadable"]


def number(form: str) -> Document:
    return {"kind": "numberTypeNode", "format": form, "endian": "le"}


def node(name: str, kind: Document) -> Document:
    return {"kind": "structFieldTypeNode", "name": name, "type": kind}


def test_codama_is_read_as_well() -> None:
    """JLP's AddLiquidityEvent as Codama writes it, and with one number wider."""
    own = json.loads(idl_text("jupiter_perps.json"))
    kinds = {"publicKey": {"kind": "publicKeyTypeNode"}}

    def root(wider: str = "") -> Document:
        fields = [
            node(one["name"], number("u128") if one["name"] == wider else kinds.get(one["type"], number(one["type"])))
            for one in event(own, "AddLiquidityEvent")["fields"]
        ]
        value = {
            "kind": "bytesValueNode",
            "encoding": "base16",
            "data": discriminator("event", "AddLiquidityEvent").hex(),
        }
        said = {
            "kind": "constantDiscriminatorNode",
            "offset": 0,
            "constant": {"kind": "constantValueNode", "value": value},
        }
        struct = {"kind": "structTypeNode", "fields": fields}
        data = {
            "kind": "hiddenPrefixTypeNode",
            "type": struct,
            "prefix": [{"kind": "constantValueNode", "value": value}],
        }
        one = {"kind": "eventNode", "name": "addLiquidityEvent", "data": data, "discriminators": [said]}
        return {"kind": "rootNode", "standard": "codama", "program": {"kind": "programNode", "events": [one]}}

    assert {one.problem for one in told("jupiter_perps.json", root())} == {"gone"}
    found = [(one.name, one.problem) for one in told("jupiter_perps.json", root("feeBps")) if one.is_misread]
    assert found == [("AddLiquidityEvent", "other_fields")]


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"instructions": {}}', '{"instructions": [], "events": [3]}', "[" * 9999]
)
def test_what_is_no_idl_is_refused(text: str) -> None:
    with pytest.raises(UnsupportedIdl):
        read_published(text)


@pytest.mark.parametrize("inside", [{"defined": "A"}, {"array": [{"defined": "A"}, 2]}])
def test_a_type_of_itself_ends(inside: Any) -> None:
    struct = {"kind": "struct", "fields": [{"name": "a", "type": inside}, {"name": "b", "type": inside}]}
    document = {"instructions": [], "types": [{"name": "A", "type": struct}], "events": [{"name": "A"}]}
    (declared,) = read_published(json.dumps(document)).events or ()
    assert isinstance(declared.shape, UnsupportedIdl)
