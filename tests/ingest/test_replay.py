"""Replay: what of recorded answers enters the ledger, what settles, and that a bad file leaves no trace."""

from __future__ import annotations

import json
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
import zstandard

from indexer.app import seed
from indexer.core import base58
from indexer.core.coverage import Span
from indexer.core.reference import Reference
from indexer.errors import InputError
from indexer.ingest.replay import Replay, check
from indexer.sources.recorded import Limits
from indexer.store.coordination import Anchor
from indexer.store.memory import MemoryStore
from tests.encoder import encode_event
from tests.programs import DRIFT, JUPITER, protocols
from tests.world import key, signature

LIMITS = Limits(10**7, 10**7, 10**6)
SWAP = encode_event("drift.json", "SwapRecord", ts=5, user=key(1), amountIn=10**6, inOraclePrice=10**6)


def answer(number: int, *payloads: bytes, program: bytes = DRIFT, **meta: Any) -> dict[str, Any]:
    """A transaction that calls one program once, which logs these payloads."""
    name = base58.encode(program)
    lines = [f"Program data: {b64encode(payload).decode()}" for payload in payloads]
    return {
        "transaction": {
            "signatures": [base58.encode(signature(number))],
            "message": {
                "accountKeys": [base58.encode(key(0)), name],
                "instructions": [{"programIdIndex": 1, "accounts": [], "data": "1"}],
            },
        },
        "meta": {
            "err": None,
            "innerInstructions": [],
            "logMessages": [f"Program {name} invoke [1]", *lines, f"Program {name} success"],
            **meta,
        },
        "version": "legacy",
    }


def block(*transactions: dict[str, Any], slot: int = 9) -> dict[str, Any]:
    return {"slot": slot, "result": {"parentSlot": slot - 1, "blockTime": 50, "transactions": list(transactions)}}


def write(path: Path, *documents: dict[str, Any]) -> Path:
    path.write_text("\n".join(json.dumps(document) for document in documents))
    return path


def replay(store: MemoryStore, **options: Any) -> Replay:
    return Replay(store, protocols(), seed(), LIMITS, page_transactions=2, **options)


async def test_a_lone_transaction_settles_nothing(tmp_path: Path) -> None:
    store = MemoryStore()
    run = replay(store, settle=True)
    await run.file(write(tmp_path / "t.json", {"slot": 9, "result": answer(1, SWAP)}))
    assert run.summary.records["swap"] == 1
    assert await store.coverage("drift") == ()


async def test_a_whole_block_settles_its_slot_for_every_stream_if_asked(tmp_path: Path) -> None:
    path, store = write(tmp_path / "b.json", block(answer(1, SWAP), answer(2))), MemoryStore()
    await replay(store).file(path)
    assert await store.coverage("drift") == ()
    await replay(store, settle=True).file(path)
    assert [await store.coverage(p.name) for p in protocols()] == [(Span(9, 10),)] * 3
    assert (await store.time_of(9)).before == Anchor(9, 50)


@pytest.mark.parametrize(
    ("program", "meta", "unsettled"),
    [
        (DRIFT, {"logMessages": None}, {"drift"}),
        (JUPITER, {"innerInstructions": None}, {"jupiter_perps"}),
        (DRIFT, {"innerInstructions": None}, set()),
        (DRIFT, {"logMessages": None, "err": "any"}, set()),
    ],
)
async def test_a_channel_that_was_not_recorded_leaves_its_stream_unsettled(
    tmp_path: Path, program: bytes, meta: dict[str, Any], unsettled: set[str]
) -> None:
    store = MemoryStore()
    run = replay(store, settle=True)
    await run.file(write(tmp_path / "b.json", block(answer(1, program=program, **meta))))
    assert set(run.summary.unsettled) == unsettled
    assert set(run.summary.settled) == {p.name for p in protocols()} - unsettled
    assert {p.name for p in protocols() if await store.unavailable(p.name)} == unsettled


async def test_a_block_with_an_unreadable_transaction_settles_nothing(tmp_path: Path) -> None:
    store = MemoryStore()
    run = replay(store, settle=True)
    await run.file(write(tmp_path / "b.json", block(answer(1, SWAP), answer(2) | {"meta": None})))
    assert run.summary.records["swap"] == 1
    assert not run.summary.settled
    assert len(run.summary.unavailable) == 1


async def test_twice_gives_the_same_ledger(tmp_path: Path) -> None:
    path = write(tmp_path / "t.jsonl", *({"slot": n, "result": answer(n, SWAP)} for n in range(1, 6)))
    store = MemoryStore()
    for _ in range(2):
        run = replay(store)
        await run.file(path)
    assert list(run.summary.rows) == ["unchanged"]
    assert run.summary.rows["unchanged"] == sum((await store.counts()).values()) > 5


async def test_failed_transactions_are_counted_and_give_nothing(tmp_path: Path) -> None:
    run = replay(MemoryStore())
    await run.file(write(tmp_path / "t.json", {"slot": 1, "result": answer(1, SWAP, err={"Custom": 1})}))
    assert (run.summary.transactions, run.summary.failed_transactions, run.summary.events) == (1, 1, 0)


async def test_a_file_without_transactions_is_passed_over_and_told(tmp_path: Path) -> None:
    run = replay(MemoryStore())
    await run.file(write(tmp_path / "x.json", {"a": 1}))
    assert run.summary.files == 0
    assert run.summary.skipped == [f"{tmp_path / 'x.json'}: neither a getTransaction nor a getBlock answer"]


async def test_of_a_found_file_that_ends_badly_nothing_is_written(tmp_path: Path) -> None:
    store = MemoryStore()
    run = replay(store)
    good = [{"slot": n, "result": answer(n, SWAP)} for n in range(1, 8)]
    await run.file(write(tmp_path / "t.jsonl", *good, {"a": 1}))
    assert (run.summary.transactions, sum((await store.counts()).values())) == (0, 0)
    assert run.summary.skipped == [f"{tmp_path / 't.jsonl'}:8: neither a getTransaction nor a getBlock answer"]


@pytest.mark.parametrize("bytes_kept", [0, 10**6])
async def test_a_file_gives_the_same_whether_it_is_kept_or_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bytes_kept: int
) -> None:
    monkeypatch.setattr("indexer.ingest.replay.KEPT_BYTES", bytes_kept)
    (file,) = check([write(tmp_path / "t.json", {"slot": 9, "result": answer(1, SWAP)})], LIMITS, lambda _: None)
    assert (file.kept is None) == (bytes_kept == 0)
    run = replay(MemoryStore())
    await run.write(file)
    assert run.summary.records["swap"] == 1


async def test_reference_rows_that_change_while_a_file_is_written_are_read_again(tmp_path: Path) -> None:
    store = MemoryStore()
    await store.seed(Reference())
    run = Replay(store, protocols(), await store.reference(), LIMITS, page_transactions=1)
    await store.seed(seed())
    await run.file(write(tmp_path / "t.jsonl", *({"slot": n, "result": answer(n, SWAP)} for n in (5, 6, 7))))
    assert run.reference.version == 1
    assert await store.to_reprocess() == (Span(5, 6),)


def test_a_named_file_must_fit_to_its_last_line(tmp_path: Path) -> None:
    good = {"slot": 1, "result": answer(1, SWAP)}
    seen: list[Path] = []
    with pytest.raises(InputError, match=r"t\.jsonl:3: neither"):
        check([write(tmp_path / "t.jsonl", good, good, {"a": 1})], LIMITS, seen.append)
    assert seen == []


def test_a_packed_file_is_not_kept_since_its_size_says_little(tmp_path: Path) -> None:
    plain = write(tmp_path / "t.json", {"slot": 1, "result": answer(1, SWAP)})
    packed = tmp_path / "t.json.zst"
    packed.write_bytes(zstandard.compress(plain.read_bytes()))
    found = check([plain, packed], LIMITS, lambda _path: None)
    assert [one.kept is not None for one in found] == [True, False]
