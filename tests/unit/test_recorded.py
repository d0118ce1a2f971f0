"""Files of recorded answers: every shape that people keep them in, and bounds on all of them."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest
import zstandard

from indexer.errors import InputError
from indexer.sources.recorded import Answer, Limits, NoTransactions, answers, find_files
from tests.unit.test_rpc import answer, notification

LIMITS = Limits(file=200_000, unpacked=400_000, document=100_000)
BLOCK = {
    "parentSlot": 6,
    "blockTime": 5,
    "transactions": [{"transaction": answer()["transaction"], "meta": answer()["meta"]}],
}


def read(path: Path, limits: Limits = LIMITS) -> list[Answer]:
    return list(answers(path, limits))


def write(path: Path, *documents: Any, indent: int | None = None) -> Path:
    path.write_text("\n".join(json.dumps(document, indent=indent) for document in documents))
    return path


@pytest.mark.parametrize(
    "document",
    [
        answer(),
        {"jsonrpc": "2.0", "id": 1, "result": answer()},
        {"provenance": {}, "expected": None, "result": answer()},
        {"slot": 7, "result": {k: v for k, v in answer().items() if k != "slot"}},
        [answer()],
        notification(),
    ],
)
@pytest.mark.parametrize("indent", [None, 1])
def test_a_transaction_may_stand_bare_or_wrapped(tmp_path: Path, document: Any, indent: int | None) -> None:
    found = read(write(tmp_path / "one.json", document, indent=indent))
    assert [one.transaction.slot for one in found if one.transaction] in ([7], [9])
    assert len(found) == 1


def test_a_block_takes_its_slot_from_beside_it_or_from_the_file_s_name(tmp_path: Path) -> None:
    beside = read(write(tmp_path / "b.json", {"slot": 7, "result": BLOCK}))
    named = read(write(tmp_path / "7.json", BLOCK))
    assert [one.block.slot for one in (*beside, *named) if one.block] == [7, 7]
    with pytest.raises(NoTransactions, match="does not say its slot"):
        read(write(tmp_path / "nameless.json", BLOCK))


def test_one_answer_a_line(tmp_path: Path) -> None:
    path = write(tmp_path / "many.jsonl", answer(slot=1), answer(slot=2), {"result": None}, answer(slot=3))
    found = read(path)
    assert [one.transaction.slot for one in found if one.transaction] == [1, 2, 3]
    assert found[2].unavailable == "the answer is null"
    assert found[3].place == f"{path}:4"


@pytest.mark.parametrize(("text", "line"), [("\n{}\n{}", 3), ("{}\n\n{}", 3), ("\n \n{}\r\n\r\n{}\n\n", 5)])
def test_blank_lines_are_no_answers_wherever_they_stand(tmp_path: Path, text: str, line: int) -> None:
    path = tmp_path / "many.jsonl"
    path.write_bytes(text.format(*(json.dumps(answer(slot=n)) for n in (1, 2))).encode())
    assert [one.transaction.slot for one in read(path) if one.transaction] == [1, 2]
    assert read(path)[1].place == f"{path}:{line}"


def test_blank_lines_cannot_go_on_for_ever(tmp_path: Path) -> None:
    path = tmp_path / "blank"
    path.write_bytes(zstandard.compress(b"\n" * (LIMITS.unpacked + 1)))
    with pytest.raises(InputError, match="bytes unpacked"):
        read(path)


@pytest.mark.parametrize("slot", [-1, 2**62 + 1, 2**64])
def test_a_block_of_a_slot_that_cannot_be_is_no_answer(tmp_path: Path, slot: int) -> None:
    with pytest.raises(NoTransactions, match=f"slot {slot} is out of range"):
        read(write(tmp_path / "b.json", {"slot": slot, "result": BLOCK | {"transactions": []}}))


def test_zstd_is_read_by_its_content_not_its_name(tmp_path: Path) -> None:
    path = tmp_path / "packed"
    frames = [zstandard.compress(json.dumps(answer(slot=n)).encode() + b"\n") for n in (1, 2)]
    path.write_bytes(b"".join(frames))
    assert [one.transaction.slot for one in read(path) if one.transaction] == [1, 2]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "empty"),
        (b"  \n ", "empty"),
        (b"not json", r"no JSON: invalid character"),
        (b"{", "no JSON"),
        (b"\xff\xfe\x00", "no JSON"),
        (b"[]", "an empty list"),
        (b"5", "neither a transaction nor a block"),
        (b'"text"', "neither a transaction nor a block"),
        (b"[" * 90_000, "nested too deeply"),
        (b'{"error": {"code": -32015}}', "an RPC error -32015"),
        (b'{"result": {"transaction": 1, "meta": 2}}', "result"),
        (b"\x28\xb5\x2f\xfdrubbish", "zstd"),
        (gzip.compress(json.dumps(answer()).encode()), "packed by gzip"),
    ],
)
def test_what_holds_no_transaction_says_why_and_where(tmp_path: Path, content: bytes, why: str) -> None:
    path = tmp_path / "bad.json"
    path.write_bytes(content)
    with pytest.raises(NoTransactions, match=why) as caught:
        read(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("lost", [1, 5, 20])
def test_a_packed_file_that_was_cut_short_is_no_file_of_fewer_answers(tmp_path: Path, lost: int) -> None:
    path = tmp_path / "cut.zst"
    lines = "".join(json.dumps(answer(slot=n)) + "\n" for n in range(1000))
    path.write_bytes(zstandard.compress(lines.encode())[:-lost])
    with pytest.raises(NoTransactions, match="cut short"):
        read(path, Limits(10**7, 10**7, 10**7))


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    plain, packed = tmp_path / "mark.json", tmp_path / "mark.zst"
    plain.write_text(json.dumps(answer(slot=7)), encoding="utf-8-sig")
    packed.write_bytes(zstandard.compress(plain.read_bytes()))
    assert [one.transaction.slot for path in (plain, packed) for one in read(path) if one.transaction] == [7, 7]


def test_a_name_that_is_no_utf_8_can_be_told(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"\xff.json")
    path.write_text("rubbish")
    with pytest.raises(NoTransactions) as caught:
        read(path)
    assert "\\xff.json" in str(caught.value).encode().decode()


def test_a_decompression_bomb_ends_at_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "bomb.zst"
    path.write_bytes(zstandard.compress(b" " * 50_000_000))
    with pytest.raises(InputError, match="more than 100000 bytes"):
        read(path)


def test_a_bomb_of_many_lines_ends_at_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "bomb.zst"
    path.write_bytes(zstandard.compress((json.dumps(answer()) + "\n").encode() * 10_000))
    with pytest.raises(InputError, match="more than 400000 bytes unpacked"):
        read(path)


def test_a_large_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "large.json"
    path.write_bytes(b" " * 200_001)
    with pytest.raises(InputError, match="200001 bytes, the limit is 200000"):
        read(path)


def test_a_folder_gives_its_files_in_order_and_hidden_ones_not_at_all(tmp_path: Path) -> None:
    for name in ("b.json", "a.json", ".hidden.json"):
        (tmp_path / name).touch()
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "c.json").touch()
    named, found = find_files([str(tmp_path), str(tmp_path / "b.json")])
    assert ([p.name for p in named], [p.name for p in found]) == (["b.json"], ["a.json", "b.json"])


def test_a_missing_path_and_an_empty_folder_are_errors(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        find_files([str(tmp_path / "nowhere")])
    with pytest.raises(InputError, match="no such file"):
        find_files([""])
    with pytest.raises(InputError, match="holds no files"):
        find_files([str(tmp_path)])


def test_a_path_named_twice_is_one(tmp_path: Path) -> None:
    path = str(write(tmp_path / "a.json", answer()))
    assert find_files([path, path, "-", "-"]) == ([Path(path), Path("-")], [])


def test_what_cannot_be_looked_at_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(InputError, match="cannot be read: Too many levels"):
        find_files([str(tmp_path / "loop")])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may enter every folder")
def test_a_folder_that_cannot_be_listed_is_not_passed_over(tmp_path: Path) -> None:
    write(tmp_path / "a.json", answer())
    (tmp_path / "closed").mkdir(mode=0)
    with pytest.raises(InputError, match="closed: cannot be read: Permission denied"):
        find_files([str(tmp_path)])
