"""Composition of everything that asks the network: endpoints, sources, loops. Part of the composition root.

The wire comes in from outside, so that the very same program runs over real sockets and over a simulated network.
"""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from random import Random

import msgspec
from pydantic import SecretStr

from indexer.app import observing, protocols
from indexer.config import Settings
from indexer.core.protocol import Protocol
from indexer.errors import ConfigError
from indexer.ingest.daemon import Daemon, Pace
from indexer.ingest.filling import Filler, Task, tasks
from indexer.ingest.heads import Heads, Watch
from indexer.ingest.health import provider_health
from indexer.ingest.inside import Inside
from indexer.ingest.listening import Listener
from indexer.ingest.precedence import Precedence
from indexer.ingest.repairing import Settled
from indexer.ingest.sharing import Shared, Shares
from indexer.ingest.snapshot import Snapshots
from indexer.ingest.tally import Tally
from indexer.ingest.working import Worker
from indexer.ingest.writing import Writer
from indexer.sources.account_images import AccountImages
from indexer.sources.addresses import names_of
from indexer.sources.base import Lane, Source, Strategy
from indexer.sources.block_readers import BlockReaders, open_block_readers
from indexer.sources.blocks import BlocksSettings, BlocksSource
from indexer.sources.confirmed import Confirmed
from indexer.sources.dial import DialSettings, WebSocketDial
from indexer.sources.endpoint import EndpointSettings
from indexer.sources.hints import LinkHealth
from indexer.sources.http import open_http
from indexer.sources.listing import ListingSettings
from indexer.sources.portal import Portal
from indexer.sources.portal_http import PortalSettings
from indexer.sources.providers import PoolSettings, Providers
from indexer.sources.rpc import Rpc, RpcSettings
from indexer.sources.signatures import SignaturesSettings, SignaturesSource
from indexer.sources.subscriptions import Patience
from indexer.sources.websocket import HintSettings, LogSubscriptions
from indexer.sources.wire import Dial, Http
from indexer.store.base import Store
from indexer.store.coordination import ProviderHealth

_DEPENDABLE: Sequence[Strategy] = ("blocks", "signatures", "portal")


class Network(msgspec.Struct, frozen=True):
    """The two ways to the outside, and who reads what is large; None: whoever asked for it."""

    http: Http
    dial: Dial
    readers: BlockReaders | None = None


@asynccontextmanager
async def network(settings: Settings) -> AsyncIterator[Network]:
    """Real sockets. What is loaded by now is not looked at for garbage any more: each time the loop stood for 25 ms."""
    gc.collect()
    gc.freeze()
    endpoints = settings.endpoints
    async with open_http(most_per_host=endpoints.in_flight * 2) as http, open_block_readers() as readers:
        yield Network(http, WebSocketDial(DialSettings(max_bytes=endpoints.max_message_bytes)), readers)


def chosen(names: Sequence[str]) -> tuple[Protocol, ...]:
    """The protocols of these names; all where none is named. Raises ConfigError."""
    known = {protocol.name: protocol for protocol in protocols()}
    for name in names:
        if name not in known:
            raise ConfigError(f"no protocol is called {name!r}", remedy=f"name one of {', '.join(known)}")
    return tuple(protocol for name, protocol in known.items() if not names or name in names)


def pool(settings: Settings, http: Http, rng: Random, readers: BlockReaders | None = None) -> Rpc:
    """The pool of RPC endpoints. Inside a running loop only."""
    endpoints = settings.endpoints
    shape = PoolSettings(
        genesis_hash=settings.cluster.genesis_hash,
        backfill_timeout_s=endpoints.timeout_s,
        live_timeout_s=min(endpoints.timeout_s, PoolSettings(genesis_hash="").live_timeout_s),
        most_bytes=endpoints.max_response_bytes,
    )
    listed = [
        EndpointSettings(
            url=url,
            start_per_s=endpoints.first_rate,
            most_per_s=endpoints.max_rate,
            most_in_flight=endpoints.in_flight,
            most_batch=endpoints.batch,
        )
        for url in endpoints.rpc_urls
    ]
    providers = Providers(http, listed, shape, rng, readers)
    return Rpc(providers, RpcSettings(max_transaction_version=endpoints.max_supported_transaction_version))


def sources(settings: Settings, rpc: Rpc, archive: Portal | None, lane: Lane) -> dict[Strategy, Source]:
    """Every way to settle that is configured. `archive`: one for all, since its budget is one."""
    strategy = settings.strategy
    found: dict[Strategy, Source] = {
        "blocks": BlocksSource(rpc, lane, BlocksSettings(prefetch=strategy.prefetch)),
        "signatures": SignaturesSource(
            rpc,
            lane,
            SignaturesSettings(lists=strategy.lists, listing=ListingSettings(seam_slots=strategy.seam_slots)),
        ),
    }
    if archive is not None:
        found["portal"] = archive
    return found


BACKFILL_TRANSACTIONS = 1000  # Of a page of the Portal in a process that does nothing else: fewer, larger writes.


def portal(
    settings: Settings,
    rpc: Rpc,
    http: Http,
    rng: Random,
    *,
    page_transactions: int = PortalSettings().page_transactions,
) -> Portal | None:
    """The configured Portal; None: there is none."""
    endpoints = settings.endpoints
    if endpoints.portal is None:
        return None
    recent = Confirmed(rpc, "backfill")
    shape = PortalSettings(
        requests=max(1, round(endpoints.portal_rate * 10)), period_s=10.0, page_transactions=page_transactions
    )
    return Portal(
        endpoints.portal.get_secret_value(),
        http,
        rng=rng,
        fetch=recent.finalized_transaction,
        blockhash=recent.blockhash,
        settings=shape,
    )


class Nodes:
    """Heads and health, as the watch asks for them."""

    def __init__(self, rpc: Rpc, recent: Confirmed, subscriptions: LogSubscriptions) -> None:
        self._rpc = rpc
        self._recent = recent
        self._subscriptions = subscriptions

    async def heads(self) -> Heads:
        finalized, confirmed = await self._recent.heads()
        return Heads(finalized=finalized, confirmed=max(finalized, confirmed))

    def health(self) -> Sequence[ProviderHealth]:
        links: Sequence[LinkHealth] = self._subscriptions.health()
        return provider_health(self._rpc.providers.health(), links)


def daemon(settings: Settings, store: Store, wire: Network, *, holder: str, rng: Random) -> Daemon:
    """The daemon of these settings. Inside a running loop only. Raises ConfigError."""
    run, strategy = settings.run, settings.strategy
    streams = chosen(run.protocols)
    rpc = pool(settings, wire.http, rng, wire.readers)
    recent = Confirmed(rpc, "live")
    archive = portal(settings, rpc, wire.http, rng)
    subscriptions = LogSubscriptions(
        settings.endpoints.websocket_urls,
        streams,
        wire.dial,
        rng=rng,
        settings=HintSettings(
            patience=Patience(link_s=settings.endpoints.silence_s / 2, stream_s=settings.endpoints.silence_s)
        ),
    )
    tally = Tally()
    writer = Writer(store, rng, tally)
    nodes = Nodes(rpc, recent, subscriptions)
    names = [stream.name for stream in streams]
    precedence = Precedence()
    return Daemon(
        store,
        Watch(store, nodes, names, holder=holder, recent_slots=strategy.recent_slots, rng=rng),
        Listener(
            streams,
            subscriptions,
            recent,
            writer,
            precedence,
            rng=rng,
            queue=run.hint_queue,
            fetches=run.fetches,
            poll_every_s=run.poll_every_s,
        ),
        filler(settings, store, writer, sources(settings, rpc, archive, "tail"), holder),
        filler(settings, store, writer, sources(settings, rpc, archive, "backfill"), holder, precedence=precedence),
        Snapshots(store, AccountImages(rpc), [one for one in observing() if one.name in names], rng),
        Inside(names, tally, rpc.providers.health, subscriptions.health),
        shares(store, rpc, archive, holder, rng),
        recent=tasks(streams, lambda name: strategy.ways(name).recent),
        deep=tasks(streams, lambda name: strategy.ways(name).deep),
        pace=Pace(
            observe_every_s=run.observe_every_s,
            settle_every_s=run.settle_every_s,
            history_days=run.history_days,
            snapshot_every_s=run.snapshot_every_s,
            start_slot=run.start_slot,
        ),
        holder=holder,
        rng=rng,
    )


def filler(
    settings: Settings,
    store: Store,
    writer: Writer,
    ways: Mapping[Strategy, Source],
    holder: str,
    *,
    once_more: bool = False,
    precedence: Precedence | None = None,
    most_stalled_s: float | None = None,
    divides: bool = False,
) -> Filler:
    return Filler(
        store,
        writer,
        ways,
        holder=holder,
        lease_s=settings.run.lease_s,
        span_slots=settings.strategy.span_slots,
        retry_unavailable_s=settings.run.retry_unavailable_s,
        once_more=once_more,
        precedence=precedence,
        most_stalled_s=most_stalled_s,
        divides=divides,
    )


def shares(store: Store, rpc: Rpc, archive: Portal | None, holder: str, rng: Random) -> Shares:
    """The parts that this process has of its endpoints' budgets."""
    providers = rpc.providers

    def shared(name: str) -> Shared:
        return Shared(name, lambda key: providers.fingerprints(key)[name], partial(providers.share, name))

    portal_ = [] if archive is None else [Shared(archive.endpoint, archive.fingerprint, archive.share)]
    return Shares(store, [*map(shared, providers.names), *portal_], holder, rng)


def worker(
    settings: Settings,
    store: Store,
    ways: Mapping[Strategy, Source],
    tasks: Sequence[Task],
    *,
    holder: str,
    rng: Random,
) -> Worker:
    """A worker of these settings. Inside a running loop only."""
    writer = Writer(store, rng)
    return Worker(
        store,
        tasks,
        lambda name: filler(
            settings, store, writer, ways, name, most_stalled_s=settings.worker.stalled_s, divides=True
        ),
        holder=holder,
        lanes=settings.worker.lanes,
        pause_s=settings.run.settle_every_s,
        rng=rng,
    )


class Others:
    """Sources for slots that are settled: others than those that settled them, as far as there are any.

    By endpoints that had no part in it, if there is one; then first by other strategies, whole blocks before lists.
    """

    def __init__(self, settings: Settings, http: Http, rng: Random) -> None:
        self._settings = settings
        self._http = http
        self._rng = rng
        self._names = names_of(settings.endpoints.rpc_urls)
        self._pools: dict[tuple[str, ...], Rpc] = {}  # By addresses.
        self._ways: dict[tuple[str, ...], Sequence[Source]] = {}

    def sources(self, settled: Settled) -> Sequence[Source]:
        """See `repairing.Others`."""
        urls = self._urls(settled)
        if urls not in self._ways:
            narrowed, rpc = _narrowed(self._settings, urls), self._pool(urls)
            archive = portal(narrowed, rpc, self._http, self._rng)
            self._ways[urls] = tuple(sources(narrowed, rpc, archive, "backfill").values())
        used = {strategy for strategy, _ in settled}
        return sorted(self._ways[urls], key=lambda one: (one.strategy in used, _DEPENDABLE.index(one.strategy)))

    def account(self, settled: Settled, key: bytes) -> Source:
        """See `repairing.Others`."""
        shape = SignaturesSettings(listing=ListingSettings(seam_slots=self._settings.strategy.seam_slots))
        return SignaturesSource(self._pool(self._urls(settled)), "backfill", shape, addresses=lambda _: (key,))

    def _urls(self, settled: Settled) -> tuple[str, ...]:
        urls = self._settings.endpoints.rpc_urls
        asked = {name for _, told in settled if told for name in told.split(", ")}
        return tuple(url for url, name in zip(urls, self._names, strict=True) if name not in asked) or tuple(urls)

    def _pool(self, urls: tuple[str, ...]) -> Rpc:
        if urls not in self._pools:
            self._pools[urls] = pool(_narrowed(self._settings, urls), self._http, self._rng)
        return self._pools[urls]


def second(settings: Settings, http: Http, url: str, rng: Random) -> tuple[Source, str]:
    """Whole blocks of one endpoint, and its name without credentials. Raises ConfigError."""
    (name,) = names_of([url])
    narrowed = _narrowed(settings, (url,))
    return sources(narrowed, pool(narrowed, http, rng), None, "backfill")["blocks"], name


def _narrowed(settings: Settings, urls: Sequence[str]) -> Settings:
    rpc = tuple(SecretStr(url) for url in urls)
    return settings.model_copy(update={"endpoints": settings.endpoints.model_copy(update={"rpc": rpc})})


def backfill_tasks(settings: Settings, names: Sequence[str], only: Strategy | None) -> list[Task]:
    """How a backfill settles: as deep history, or by one strategy alone. Raises ConfigError where that has nobody."""
    if only == "portal" and settings.endpoints.portal is None:
        raise ConfigError("no portal is configured", remedy="name one as endpoints.portal, or another --strategy")
    return tasks(chosen(names), lambda name: (only,) if only else settings.strategy.ways(name).deep)
