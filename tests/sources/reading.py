"""A Portal over a few blocks, and what is read of it: the world of the tests of the Portal, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from random import Random
from typing import Any

import msgspec

from indexer.core.coverage import Span, Spans, union
from indexer.core.transaction import Transaction
from indexer.simulation.virtual_time import run
from indexer.sources.base import RawPage, SourceInterrupted
from indexer.sources.portal import BlockHash, Fetch, Portal
from indexer.sources.portal_http import PortalSettings
from tests.adversarial.cases import FILL
from tests.programs import DRIFT, protocols
from tests.sources.archive import Block, chained
from tests.sources.wires import Body, FakePortal, Turn, whole
from tests.world import data_line, frame, signature, transaction

SECRET = "0123456789abcdef0123456789abcdef"
URL = f"https://portal.example/datasets/solana-mainnet?api_key={SECRET}"
DRIFT_STREAM, JUPITER_STREAM, _ = protocols()
FIRST = 1_000


def fill(number: int) -> Transaction:
    return transaction(frame(DRIFT, data_line(FILL)), signature=signature(number))


def cut_log(number: int) -> Transaction:
    """A fill whose log was truncated behind it."""
    tx = fill(number)
    return msgspec.structs.replace(tx, logs=(*(tx.logs or ())[:2], "Log truncated"))


def blocks(slots: int = 10, *, per_slot: int = 1, skipped: Sequence[int] = ()) -> list[Block]:
    """Blocks of fills from FIRST on."""
    filled = {
        FIRST + n: [fill(n * per_slot + place + 1) for place in range(per_slot)]
        for n in range(slots)
        if FIRST + n not in skipped
    }
    return list(chained(filled, FIRST - 1))


def portal(
    http: FakePortal, *, fetch: Fetch | None = None, blockhash: BlockHash | None = None, **settings: Any
) -> Portal:
    return Portal(URL, http, rng=Random(1), fetch=fetch, blockhash=blockhash, settings=PortalSettings(**settings))


class Outcome(msgspec.Struct):
    pages: list[RawPage] = []
    error: str | None = None  # Why it was interrupted.
    seconds: float = 0.0

    @property
    def settled(self) -> Spans:
        return union(*(page.settled.get("drift", ()) for page in self.pages))

    @property
    def unavailable(self) -> Spans:
        return union(*(page.unavailable.get("drift", ()) for page in self.pages))

    @property
    def slots(self) -> list[int]:
        return [tx.slot for page in self.pages for tx in page.transactions]


def read(source: Portal, span: Span, *streams: Any) -> Outcome:
    """Everything of a span, in virtual time."""

    async def reading() -> Outcome:
        outcome = Outcome()
        try:
            async for page in source.pages(streams or [DRIFT_STREAM], span):
                outcome.pages.append(page)
        except SourceInterrupted as error:
            outcome.error = str(error)
        outcome.seconds = asyncio.get_running_loop().time()
        return outcome

    return run(reading())


def status(code: int, body: str = "", **headers: str) -> Turn:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _: Body([body.encode()], status=code, headers=named)


def empty(_: list[bytes]) -> Body:
    return Body([], status=204)


def first(count: int) -> Turn:
    """The Portal stops early, at a line's end."""
    return lambda lines: whole(lines[:count])


def cut(lines: list[bytes]) -> Body:
    """The connection breaks within the third line."""
    return Body([b"\n".join(lines[:2]) + b"\n" + lines[2][:20]], cut=True)
