"""Recorded inputs of whole pipelines, made from the simulated chain by seed: blocks, notifications, a Portal's day.

A stretch of the chain is made by the real runtime and told several times, each time behind the one before, with slots,
times, hashes and signatures of its own. Nothing in it that only some readers survive (look-alikes, truncated logs,
events of an unknown length): what is compared is what both sides read the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import sha512
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import msgspec

from indexer.app import protocols
from indexer.core import base58
from indexer.core.coverage import Span
from indexer.core.protocol import Protocol as Stream
from indexer.core.rpc import parse_block, parse_notification
from indexer.core.transaction import Transaction
from indexer.simulation.build import build_chain
from indexer.simulation.chain import Chain, ChainBlock, ChainTransaction
from indexer.simulation.cluster import Cluster
from indexer.simulation.drift import DriftRates
from indexer.simulation.encodings import encoded_block
from indexer.simulation.exchange import Request
from indexer.simulation.portal import Portal
from indexer.simulation.profile import Profile
from indexer.sources.portal_query import stream_query
from tests.bench import bodies
from tests.bench.flow_runs import BLOCKS_AT_ONCE, NOTIFICATIONS_AT_ONCE
from tests.bench.recorded_rows import RecordedRows

SEED = 5
DRIFT = ("drift",)
_RATES = DriftRates(older=0, vault=0, fuel=0)  # Neither vaults nor older layouts, which driftpy does not read.
_HIGHEST_VERSION = 1
_DATASET = "/datasets/solana-mainnet"
_BEHIND = 200  # Slots of the chain that no span asks for, so that the head lies behind all of them.


class Recorded(NamedTuple):
    """A recording in a folder. `events`: payloads that a ledger must hold afterwards."""

    folder: Path
    span: Span
    events: int
    genesis_hash: str

    def question(self) -> dict[str, Any]:
        """For a contestant, in words that JSON knows."""
        return {"folder": str(self.folder), "start": self.span.start, "end": self.span.end, "events": self.events,
                "genesis_hash": self.genesis_hash}  # fmt: skip


def stretch(slots: int, transactions: float, names: Sequence[str]) -> Chain:
    """A stretch of the chain; `transactions`: mean of a block, half of them ours."""
    profile = Profile(
        slots=slots, transactions=transactions, protocols=tuple(names), drift=_RATES,
        forked=0, timeless=0, truncated=0, unknown=0, grown=0, foreign=0, look_alikes=0, talk=0,
    )  # fmt: skip
    return build_chain(SEED, profile)


def told(chain: Chain, times: int) -> Iterator[ChainBlock]:
    """Its blocks, so many times, each time behind the one before."""
    length = chain.end_slot - chain.first_slot
    slots = [*chain.blocks]
    parents = {slot: parent for parent, slot in pairwise(slots)}
    for time in range(times):
        for slot, block in chain.blocks.items():
            shift = time * length
            parent = parents[slot] + shift if slot in parents else slots[-1] + shift - length
            yield ChainBlock(
                slot=slot + shift,
                parent_slot=parent,
                height=block.height + time * len(slots),
                blockhash=_hash(slot + shift),
                previous_blockhash=_hash(parent),
                block_time=block.block_time + shift * chain.slot_ms // 1000,
                transactions=[_again(one, time) for one in block.transactions],
            )


def _hash(slot: int) -> str:
    return base58.encode(sha512(b"block %d" % slot).digest()[:32])


def _again(one: ChainTransaction, time: int) -> ChainTransaction:
    signature = _signed_again(one.signature, time)
    body = one.shown["transaction"]
    signed = {**body, "signatures": [signature, *body["signatures"][1:]]}
    return msgspec.structs.replace(one, signature=signature, shown={**one.shown, "transaction": signed})


def _signed_again(signature: str, time: int) -> str:
    return base58.encode(sha512(b"%d %s" % (time, signature.encode())).digest())


# --- blocks and notifications --------------------------------------------------------------------------------------


def record_drift(folder: Path, *, slots: int, transactions: float, times: int = 1, has_rows: bool = True) -> Recorded:
    """`blocks.jsonl`: results of getBlock, a slot and its block a line. `notifications.jsonl`: frames of logsSubscribe.

    With `has_rows` the rows of either lie beside it, for sides that make none: see RecordedRows.
    """
    folder.mkdir()
    chain, streams = stretch(slots, transactions, DRIFT), _streams(DRIFT)
    settled, provisional = RecordedRows(streams, BLOCKS_AT_ONCE), RecordedRows(streams, NOTIFICATIONS_AT_ONCE)
    events = 0
    with (folder / "blocks.jsonl").open("wb") as blocks, (folder / "notifications.jsonl").open("wb") as notifications:
        for block in told(chain, times):
            text = msgspec.json.encode(_shown(block))
            blocks.write(b"%d %s\n" % (block.slot, text))
            events += settled.add(_read(text, block.slot, streams), is_settled=True)
            for frame in _frames(block, streams[0]):
                notifications.write(msgspec.json.encode(frame) + b"\n")
                if has_rows:
                    provisional.add([parse_notification(frame["params"]["result"])], is_settled=False)
    if has_rows:
        settled.write(folder / "blocks")
        provisional.write(folder / "notifications")
    return _recorded(folder, chain, times, events)


def record_dense(folder: Path, *, slots: int, transactions: float, in_all: int) -> Recorded:
    """`dense.jsonl`: as blocks.jsonl, but each block has so many transactions: the others are of nobody we know."""
    folder.mkdir()
    rng = Random(SEED)
    chain, streams, others = stretch(slots, transactions, DRIFT), _streams(DRIFT), bodies.foreign(rng, in_all)
    rows = RecordedRows(streams, BLOCKS_AT_ONCE)
    events = 0
    with (folder / "dense.jsonl").open("wb") as file:
        for block in told(chain, 1):
            text = msgspec.json.encode(_among(_shown(block), others, rng))
            file.write(b"%d %s\n" % (block.slot, text))
            events += rows.add(_read(text, block.slot, streams), is_settled=True)
    rows.write(folder / "dense")
    return _recorded(folder, chain, 1, events)


def _shown(block: ChainBlock) -> dict[str, Any]:
    return encoded_block(block, "json", "full", rewards=False, highest=_HIGHEST_VERSION)


def _among(shown: dict[str, Any], others: Sequence[msgspec.Raw], rng: Random) -> dict[str, Any]:
    """The block with its transactions in their order, somewhere among these others, which make it full."""
    ours = shown["transactions"]
    places = set(rng.sample(range(len(others)), len(ours)))
    own, foreign = iter(ours), iter(rng.sample(others, len(others)))
    mixed = [next(own) if place in places else next(foreign) for place in range(len(others))]
    return {**shown, "transactions": mixed}


def _read(text: bytes, slot: int, streams: Sequence[Stream]) -> Sequence[Transaction]:
    programs = [program for stream in streams for program in stream.programs]
    return parse_block(msgspec.json.decode(text), slot, programs).transactions


def _recorded(folder: Path, chain: Chain, times: int, events: int) -> Recorded:
    """Up to its last block: nothing proves that slots behind it are empty."""
    end = max(chain.blocks) + 1 + (times - 1) * (chain.end_slot - chain.first_slot)
    return Recorded(folder, Span(chain.first_slot, end), events, chain.genesis_hash)


def _frames(block: ChainBlock, stream: Stream) -> Iterator[dict[str, Any]]:
    """What a node notifies of the stream's first program."""
    address = base58.encode(next(iter(stream.programs)))
    for one in block.transactions:
        if address in one.mentions and not one.failed:
            value = {"signature": one.signature, "err": None, "logs": one.logs}
            params = {"result": {"context": {"slot": block.slot}, "value": value}, "subscription": 1}
            yield {"jsonrpc": "2.0", "method": "logsNotification", "params": params}


# --- a day of the Portal -------------------------------------------------------------------------------------------


def record_portal(folder: Path, *, slots: int, transactions: float, times: int) -> Recorded:
    """`headers.jsonl`: every block's header; `STREAM.jsonl`: the lines of blocks that have something of the stream, as
    the simulated Portal tells them; each line behind its slot. `programs.json`: by stream, what its queries name."""
    folder.mkdir()
    names = [stream.name for stream in protocols()]
    chain = stretch(slots, transactions, names)
    lines = {stream.name: portal_lines(chain, stream) for stream in _streams(names)}
    programs = {stream.name: base58.encode(next(iter(stream.programs))) for stream in _streams(names)}
    (folder / "programs.json").write_bytes(msgspec.json.encode(programs))
    with (folder / "headers.jsonl").open("wb") as file:
        for block in told(msgspec.structs.replace(chain, blocks=_bare(chain)), times):
            file.write(b"%d %s\n" % (block.slot, msgspec.json.encode({"header": _header(block)})))
    for name, some in lines.items():
        with (folder / f"{name}.jsonl").open("wb") as file:
            for slot, line in _lines_again(chain, some, times):
                file.write(b"%d %s\n" % (slot, msgspec.json.encode(line)))
    length = chain.end_slot - chain.first_slot
    end = chain.first_slot + times * length - _BEHIND
    last = sum(event.origin.slot + (times - 1) * length >= end for event in chain.truth.events)
    return Recorded(folder, Span(chain.first_slot, end), times * len(chain.truth.events) - last, chain.genesis_hash)


def portal_lines(chain: Chain, stream: Stream) -> list[dict[str, Any]]:
    """The lines of all blocks with something in them."""
    portal = Portal(Cluster(chain, lambda: 0.0, start_slot=chain.end_slot + 1000), behind=0, most_blocks=10**9)
    body = stream_query(stream, Span(chain.first_slot, chain.end_slot))
    answer = portal.respond(Request("POST", f"{_DATASET}/finalized-stream", body)).made()
    assert answer.status == 200, answer
    told = [msgspec.json.decode(line) for line in answer.body.splitlines()]
    return [line for line in told if "instructions" in line]


def _bare(chain: Chain) -> dict[int, ChainBlock]:
    return {slot: msgspec.structs.replace(block, transactions=()) for slot, block in chain.blocks.items()}


def _lines_again(chain: Chain, lines: Sequence[dict[str, Any]], times: int) -> Iterator[tuple[int, dict[str, Any]]]:
    headers = {block.slot: _header(block) for block in told(msgspec.structs.replace(chain, blocks=_bare(chain)), times)}
    for time in range(times):
        for line in lines:
            slot = line["header"]["number"] + time * (chain.end_slot - chain.first_slot)
            signed = [
                {**one, "signatures": [_signed_again(one["signatures"][0], time)]} for one in line["transactions"]
            ]
            yield slot, {**line, "header": headers[slot], "transactions": signed}


def _header(block: ChainBlock) -> dict[str, Any]:
    return {
        "number": block.slot,
        "hash": block.blockhash,
        "parentNumber": block.parent_slot,
        "parentHash": block.previous_blockhash,
        "timestamp": block.block_time,
    }


def _streams(names: Sequence[str]) -> list[Stream]:
    return [stream for stream in protocols() if stream.name in names]
