"""Snapshots: on a schedule, what the protocols' accounts hold becomes rows, and what they are called reference rows.

A round reads the accounts that a protocol lists, those that it always reads, and those that these name. What was
named once is asked for at once in the next round, so that a round is mostly one request for each hundred accounts,
and accounts that belong together are of one slot. A round that fails is told and left out: the next one comes, and
nothing else waits for it. Reference rows are refreshed before rows are made with them; what is known to be so from
elsewhere, the decimals of a token, no account changes. Of what was read, what is news is written: see `news`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from random import Random
from typing import Protocol

import msgspec
import structlog

from indexer.core.account import Account, Image, Listing, Observing
from indexer.core.reference import Market, Reference, Token
from indexer.errors import StoreUnavailable
from indexer.ingest.news import News, news
from indexer.sources.base import SourceInterrupted
from indexer.store.base import Page, Store, Written
from indexer.store.seeding import seeding

SOURCE = "accounts"
LIST_EVERY = 60  # Rounds between two listings of keys: new markets are rare, and listing is dear for nodes.
MOST_ACCOUNTS = 10_000
DEEPEST = 3  # From what is listed to the feed that a custody of the pool names.
_log = structlog.get_logger()


class Images(Protocol):
    """See `sources.account_images.AccountImages`."""

    async def images(self, keys: Collection[bytes], *, past: int | None = None) -> Sequence[Image]: ...

    async def keys(self, listing: Listing) -> Sequence[bytes]: ...

    async def times(self, slots: Collection[int]) -> Mapping[int, int]: ...


class Snapshots:
    """One for each process: two would write the same rows twice, at other slots."""

    def __init__(self, store: Store, images: Images, observing: Sequence[Observing], rng: Random) -> None:
        self._store = store
        self._images = images
        self._rng = rng
        self._readers = [_Reader(images, one) for one in observing]

    async def run(self, every_s: float) -> None:
        """Until it is cancelled. The first round is anywhere in the first interval, so that restarts do not meet."""
        await asyncio.sleep(every_s * self._rng.random())
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            for reader in self._readers:
                await self._tried(reader)
            await asyncio.sleep(max(every_s / 10, began + every_s - loop.time()))

    async def round(self, reader: _Reader) -> Written:
        """One protocol, once. Raises SourceInterrupted, StoreUnavailable: nothing was written."""
        images = await reader.read()
        times = await self._images.times({image.slot for image in images})
        reference = await self._refreshed(reader.observing, images, times)
        fresh = news(reader.observing.observed(images, times, reference), reader.written)
        written = await self._store.write(
            Page(
                records=fresh.records,
                failures=fresh.failures,
                source=SOURCE,
                reference_version=reference.version,
            )
        )
        reader.written = fresh
        return written

    async def _tried(self, reader: _Reader) -> None:
        name = reader.observing.name
        try:
            written = await self.round(reader)
        except SourceInterrupted as error:
            _log.warning("no_snapshot", protocol=name, reason=str(error))
        except StoreUnavailable as error:
            _log.error("store_unavailable", reason=str(error))
        else:
            _log.info("snapshot", protocol=name, rows=written.rows)

    async def _refreshed(self, observing: Observing, images: Iterable[Image], times: Mapping[int, int]) -> Reference:
        old = await self._store.reference()
        slot = max(times, default=0)
        told = refreshed(old, observing.refer(observing.scene(images, times, old)), slot)
        changes = seeding(old, told)
        if not changes.markets and not changes.tokens:
            return old
        _log.info(
            "reference_refreshed", protocol=observing.name, markets=len(changes.markets), tokens=len(changes.tokens)
        )
        await self._store.seed(told)
        return await self._store.reference()


class _Reader:
    """What is read of one protocol: the keys that are known, and what was last written of them."""

    def __init__(self, images: Images, observing: Observing) -> None:
        self.observing = observing
        self.written = News()
        self._images = images
        self._listed: dict[Listing, Sequence[bytes]] = {}
        self._known: set[bytes] = set()
        self._rounds = 0
        self._past: int | None = None

    async def read(self) -> Sequence[Image]:
        """Every account of the protocol that is there; those of one request are of one slot."""
        await self._list()
        start = {*self.observing.roots, *(key for keys in self._listed.values() for key in keys)}
        wanted = self._bounded(start | self._known)
        for _ in range(DEEPEST):
            images = await self._images.images(wanted, past=self._past)
            reachable = self._bounded(start | self._named(images))
            if reachable <= wanted:
                break
            wanted = self._bounded(reachable | wanted)
        self._known = reachable
        self._past = max((image.slot for image in images), default=self._past)
        return images

    async def _list(self) -> None:
        """Anew after a while. A node that lists nothing, as many do not, costs what is listed, and not the rest."""
        if self._rounds % LIST_EVERY == 0:
            for listing in self.observing.listings:
                try:
                    self._listed[listing] = await self._images.keys(listing)
                except SourceInterrupted as error:
                    _log.warning("accounts_not_listed", protocol=self.observing.name, reason=str(error))
        self._rounds += 1

    def _named(self, images: Iterable[Image]) -> set[bytes]:
        accounts = (self.observing.decoded(image) for image in images)
        return {key for account in accounts if isinstance(account, Account) for key in self.observing.named(account)}

    def _bounded(self, keys: Collection[bytes]) -> set[bytes]:
        """Roots first: what everything else hangs on is never what is left out."""
        if len(keys) <= MOST_ACCOUNTS:
            return set(keys)
        _log.warning("too_many_accounts", protocol=self.observing.name, accounts=len(keys), read=MOST_ACCOUNTS)
        return set(sorted(keys, key=lambda key: (key not in self.observing.roots, key))[:MOST_ACCOUNTS])


def refreshed(known: Reference, told: Iterable[Market | Token], slot: int) -> Reference:
    """What accounts of `slot` tell, without the decimals that are stated already: a mint's never change."""
    markets, tokens = [], []
    for row in told:
        if isinstance(row, Market):
            markets.append(_market(known, row, slot))
        elif (old := known.tokens.get(row.mint)) is None or old.decimals is None or old.is_inferred:
            tokens.append(row)
    return Reference(markets, tokens)


def _market(known: Reference, told: Market, slot: int) -> Market:
    old = known.market(told.protocol, told.market_key)
    if old is None:
        return msgspec.structs.replace(told, symbol_since_slot=slot)
    decimals = told.base_decimals if old.base_decimals is None else old.base_decimals
    since = None if old.symbol == told.symbol else slot  # None leaves what is known.
    return msgspec.structs.replace(told, base_decimals=decimals, symbol_since_slot=since)
