"""Doctor: whether everything that indexing needs is there, one finding for each question."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from random import Random
from typing import Literal

import msgspec

from indexer.core.protocol import Protocol
from indexer.errors import PerpsIndexerError
from indexer.sources.addresses import shown
from indexer.sources.ahead import gathered
from indexer.sources.base import SourceInterrupted
from indexer.sources.hints import Lost, Subscribed
from indexer.sources.portal import Portal
from indexer.sources.reasons import Refused
from indexer.sources.rpc import Rpc
from indexer.sources.websocket import LogSubscriptions
from indexer.sources.wire import Dial

WAIT_S = 10.0  # For one finding.
MOST_CLOCK_ERROR_S = 30.0
_State = Literal["fine", "wrong", "absent"]


class Finding(msgspec.Struct, frozen=True):
    """`absent`: not configured, which is fine as well."""

    what: str
    place: str  # Without credentials.
    state: _State
    says: str


async def endpoints(rpc: Rpc) -> list[Finding]:
    """Each RPC endpoint: its version, first block and head, or why it is of no use."""
    versions = await rpc.versions()
    found = [await _endpoint(rpc, name, version) for name, version in versions.items()]
    strangers = [one for one in rpc.providers.health() if one.name not in versions]
    return found + [Finding("endpoint", one.name, "wrong", str(one.reason)) for one in strangers]


async def _endpoint(rpc: Rpc, name: str, version: str) -> Finding:
    try:
        first = await rpc.first_block(lane="live", only=name, patience_s=0)
        head = (await rpc.finalized(lane="live", only=name, patience_s=0)).value
    except (SourceInterrupted, Refused) as error:
        return Finding("endpoint", name, "wrong", str(error))
    rates = [method.per_s for one in rpc.providers.health() if one.name == name for method in one.methods.values()]
    rate = f", {min(rates):.0f} requests/s allowed now" if rates else ""
    return Finding("endpoint", name, "fine", f"version {version}, blocks {first} to {head}{rate}")


async def clock(rpc: Rpc) -> Finding:
    """Our clock against the time of the newest finalized block, which is some 13 s old."""
    try:
        async with asyncio.timeout(WAIT_S):
            head = (await rpc.finalized(lane="live")).value
            block = (await rpc.block_head(head, lane="live")).value
    except TimeoutError:
        says = f"not compared: no endpoint gave a block within {WAIT_S:.0f} s"
        return Finding("clock", "this machine", "wrong", says)
    except (SourceInterrupted, Refused) as error:
        return Finding("clock", "this machine", "wrong", f"not compared: {error}")
    if block.block_time is None:
        return Finding("clock", "this machine", "fine", "not compared: the newest block has no time")
    ahead = datetime.now(UTC).timestamp() - block.block_time
    state: _State = "fine" if -MOST_CLOCK_ERROR_S < ahead < 4 * MOST_CLOCK_ERROR_S else "wrong"
    return Finding("clock", "this machine", state, f"{ahead:.0f} s after the time of finalized block {block.slot}")


async def subscriptions(urls: Sequence[str], streams: Sequence[Protocol], dial: Dial, rng: Random) -> list[Finding]:
    """Each WebSocket endpoint: whether it takes the subscriptions."""
    return await gathered(urls, lambda url: _subscribed(url, streams, dial, rng), max(1, len(urls)))


async def _subscribed(url: str, streams: Sequence[Protocol], dial: Dial, rng: Random) -> Finding:
    waiting = {stream.name for stream in streams}
    try:
        async with asyncio.timeout(WAIT_S):
            async for told in LogSubscriptions([url], streams, dial, rng=rng).hints():
                if isinstance(told, Lost):
                    return Finding("subscription", told.endpoint, "wrong", told.reason)
                if isinstance(told, Subscribed):
                    waiting.discard(told.stream)
                if not waiting:
                    return Finding("subscription", told.endpoint, "fine", f"tells of {len(streams)} streams")
    except TimeoutError:
        pass
    return Finding("subscription", shown(url), "wrong", f"no subscription to {sorted(waiting)} within {WAIT_S:.0f} s")


async def portal(archive: Portal | None) -> Finding:
    """The archive: how far it reaches."""
    if archive is None:
        return Finding("portal", "", "absent", "not configured: deep history comes from the endpoints")
    reach = None
    try:
        async with asyncio.timeout(WAIT_S):
            reach = await archive.reach()
    except TimeoutError:
        pass
    except PerpsIndexerError as error:
        return Finding("portal", archive.endpoint, "wrong", str(error))
    if reach is None:
        return Finding("portal", archive.endpoint, "wrong", "it does not answer")
    return Finding("portal", archive.endpoint, "fine", f"slots {reach.start} to {reach.end - 1}")
