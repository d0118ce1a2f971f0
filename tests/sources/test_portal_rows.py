"""The Portal gives the rows that blocks give: every column of every event, record and failure, at the same places.

The archive is a model of what the real one keeps; it shares nothing with the reader but the transactions. What blocks
give comes through getBlock's JSON, so that positions are told twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from random import Random

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from indexer.core.coverage import Span, of_slots, union
from indexer.core.protocol import Processed, Protocol, process, unrecorded
from indexer.core.reference import Reference
from indexer.core.rpc import parse_block, parse_transaction
from indexer.core.transaction import Transaction
from indexer.simulation.virtual_time import run
from indexer.sources.base import RawPage
from indexer.sources.portal import Fetch, Portal
from tests.adversarial.answers import as_block, as_json
from tests.adversarial.cases import CASES, Case
from tests.programs import protocols
from tests.property.strategies import seeds
from tests.property.worlds import Maker
from tests.sources.archive import Archive, Block, chained
from tests.sources.wires import FakePortal
from tests.world import lines_of, signature, transaction

URL = "https://portal.example/datasets/solana-mainnet"
FIRST, LAST = 1_000, 1_003
QUIET = settings(
    deadline=None,
    max_examples=100,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=list(HealthCheck),
)


def portal_of(http: FakePortal, fetch: Fetch | None = None) -> Portal:
    return Portal(URL, http, rng=Random(1), fetch=fetch, blockhash=None)


def nodes(blocks: Sequence[Block]) -> Fetch:
    """getTransaction of the same chain."""
    by_signature = {tx.signature: tx for block in blocks for tx in block.transactions}

    async def fetch(wanted: bytes) -> Transaction | None:
        return parse_transaction(as_json(by_signature[wanted]))

    return fetch


async def read(portal: Portal, span: Span, *streams: str) -> list[RawPage]:
    wanted = [one for one in protocols() if not streams or one.name in streams]
    return [page async for page in portal.pages(wanted, span)]


Rows = Mapping[str, Sequence[msgspec.Struct]]


def rows(transactions: Sequence[Transaction], protocol: Protocol) -> Rows:
    """Everything that comes of them for one stream, in one order."""
    found = Processed()
    for tx in transactions:
        found.add(process(tx, [protocol], Reference()))
    return {kind: sorted(getattr(found, kind), key=repr) for kind in ("events", "records", "failures")}


def from_blocks(blocks: Sequence[Block], protocol: Protocol) -> tuple[Rows, set[int]]:
    """Rows of the stream, and the slots that it has no proof of: those where a channel was not recorded."""
    hidden, seen = set(), []
    for block in blocks:
        if block.transactions:
            parsed = parse_block(as_block(*map(as_json, block.transactions)), block.slot)
            seen += parsed.transactions
            hidden |= {block.slot for tx in parsed.transactions if unrecorded(tx, [protocol])}
    return rows(seen, protocol), hidden


def check_equal(filled: Mapping[int, Sequence[Transaction]]) -> Counter[str]:
    """Portal and blocks agree on rows and on what is settled. Gives what was seen."""
    blocks = list(chained({FIRST: (), **filled, LAST: ()}, FIRST - 1))
    http = FakePortal(Archive(blocks))
    portal = portal_of(http, nodes(blocks))
    seen: Counter[str] = Counter()
    for protocol in protocols():
        pages = run(read(portal, Span(FIRST, LAST + 1), protocol.name))
        expected, hidden = from_blocks(blocks, protocol)
        got = rows([tx for page in pages for tx in page.transactions], protocol)
        assert got == expected
        settled = union(*(page.settled.get(protocol.name, ()) for page in pages))
        assert settled == of_slots(set(range(FIRST, LAST + 1)) - hidden)
        seen.update({kind: len(found) for kind, found in got.items()})
        seen.update(row.reason for row in got["failures"])  # type: ignore[attr-defined]
    seen["fetched"] += portal.health().fetched
    return seen


def truncated(lines: Sequence[str]) -> tuple[str, ...]:
    """What a node keeps of a log: 10,000 bytes; the first line that does not fit leaves a mark."""
    kept: list[str] = []
    size, is_marked = 0, False
    for line in lines:
        if size + len(line.encode()) < 10_000:
            size += len(line.encode())
            kept.append(line)
        elif not is_marked:
            is_marked = True
            kept.append("Log truncated")
    return tuple(kept)


def world(seed: int, noise: int) -> list[Transaction]:
    """Some transactions of one block; a part of them failed, one may be of another version."""
    made = []
    for number in range(3):
        frames = Maker(seed * 3 + number, noise=noise).world().frames
        lines = [line for one in frames for line in lines_of(one)]
        facts = {"signature": signature(seed * 3 + number + 10), "succeeded": (seed + number) % 5 != 0}
        made.append(transaction(*frames, logs=truncated(lines), **facts))
    return made


@QUIET
@given(seeds)
def test_the_portal_gives_all_columns_as_blocks_do(seed: int) -> None:
    check_equal({FIRST + 1: world(seed, noise=seed % 3 * 6), FIRST + 2: world(seed + 1, noise=0)})


def test_the_worlds_hold_what_this_is_about() -> None:
    seen: Counter[str] = Counter()
    for seed in range(40):
        seen.update(check_equal({FIRST + 1: world(seed, noise=seed % 3 * 6)}))
    wanted = ("events", "records", "truncated_logs", "short_payload", "unknown_event", "fetched")
    assert not [word for word in wanted if seen[word] < 5], seen


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in CASES])
def test_the_corpus_comes_from_the_portal_as_from_blocks(case: Case) -> None:
    check_equal({FIRST + 1: [case.tx]})


@QUIET
@given(seeds)
def test_nothing_that_the_archive_has_whole_is_asked_for_elsewhere(seed: int) -> None:
    """Only some lines come, and every one of them finds its place: nobody has to be asked."""
    frames = Maker(seed, largest=300).world().frames
    lines = [line for one in frames for line in lines_of(one)]
    if truncated(lines) != tuple(lines):
        return
    blocks = list(chained({FIRST: (), FIRST + 1: [transaction(*frames)], LAST: ()}, FIRST - 1))
    portal = portal_of(FakePortal(Archive(blocks)), fetch=None)
    run(read(portal, Span(FIRST, LAST + 1)))
    assert portal.health().doubtful == 0
