"""Composition root: the only file that names protocols, store and sources together.

Commands call one function each. Resources close in reverse order, whatever happens.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from functools import cache

import msgspec
import structlog

from indexer.config import Settings
from indexer.core import base58
from indexer.core.account import Observing
from indexer.core.idl import Idl, UnsupportedIdl
from indexer.core.misreading import Ours
from indexer.core.protocol import Protocol, check_distinct
from indexer.core.reference import Reference, parse_seed
from indexer.errors import ConfigError
from indexer.protocols import drift, gmx_solana, jupiter_perps
from indexer.protocols.drift import accounts as drift_accounts
from indexer.protocols.gmx_solana import accounts as gmx_accounts
from indexer.protocols.jupiter_perps import accounts as jupiter_accounts
from indexer.resources import resource
from indexer.sources.recorded import Limits
from indexer.store.aggregates import Aggregates
from indexer.store.database import open_database
from indexer.store.postgres import PostgresStore, open_store
from indexer.store.proofs import PostgresProofs, open_proofs
from indexer.store.rolling import open_aggregates
from indexer.verify import drift as drift_evidence
from indexer.verify import gmx_solana as gmx_evidence
from indexer.verify import jupiter_perps as jupiter_evidence
from indexer.verify.witness import Witness

_log = structlog.get_logger()
MODULES = (drift, jupiter_perps, gmx_solana)
ACCOUNTS = (drift_accounts, jupiter_accounts, gmx_accounts)
EVIDENCE = (drift_evidence, jupiter_evidence, gmx_evidence)


@cache
def protocols() -> tuple[Protocol, ...]:
    """Every protocol, with its decoders compiled. Raises ConfigError, or ValueError where two claim one program."""
    with _idl_mended_by_a_person():
        built = tuple(module.build(_idls()) for module in MODULES)
    check_distinct(built)
    return built


@cache
def observing() -> tuple[Observing, ...]:
    """What each protocol reads of accounts, with its decoders compiled."""
    return tuple(module.build(_idls()) for module in ACCOUNTS)


@cache
def witnesses() -> Mapping[str, Witness]:
    """What each protocol tells of its own completeness, by its name, with its decoders compiled."""
    return {one.name: one for one in (module.build(_idls()) for module in EVIDENCE)}


@contextmanager
def _idl_mended_by_a_person() -> Iterator[None]:
    try:
        yield
    except UnsupportedIdl as error:
        raise ConfigError(str(error), remedy="mend the file; idl/README.md says how layouts are written") from None


class KnownProgram(msgspec.Struct, frozen=True):
    """A program of which there is an IDL file."""

    protocol: str
    file: str
    program_id: bytes
    ours: Ours


def known_programs() -> Sequence[KnownProgram]:
    """In the order of protocols, then of files."""
    emitting = {key: (protocol.name, program) for protocol in protocols() for key, program in protocol.programs.items()}
    observed = {key: one.name for one in observing() for key in one.programs}
    found = []
    for file, text in sorted(_idls().items()):
        key = base58.key(msgspec.json.decode(text)["metadata"]["address"])
        name, program = emitting.get(key) or (observed[key], None)
        layouts = program.layouts if program else {}
        is_cpi = program is not None and program.channel == "cpi"
        found.append(KnownProgram(name, file, key, Ours(Idl(text), layouts, reads_callers=is_cpi)))
    order = stream_names()
    return sorted(found, key=lambda one: order.index(one.protocol))


def _idls() -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in resource("idl").glob("*.json")}


def seed() -> Reference:
    """Markets and tokens as shipped."""
    return parse_seed(resource("config/markets.json").read_bytes())


def limits(settings: Settings) -> Limits:
    replay = settings.replay
    return Limits(replay.max_file_bytes, replay.max_decompressed_bytes, replay.max_document_bytes)


@asynccontextmanager
async def ledger(settings: Settings) -> AsyncIterator[PostgresStore]:
    """The migrated ledger of the configured cluster, seeded. Raises StoreUnavailable, SchemaError, ClusterMismatch."""
    database = settings.database
    async with (
        open_database(settings) as url,
        open_store(
            url,
            connections=(database.pool_min, database.pool_max),
            timeout_s=database.connect_timeout_s,
            pooled=database.pooled,
        ) as store,
    ):
        await store.claim_cluster(settings.cluster.genesis_hash, settings.cluster.name)
        await store.seed(seed())
        yield store


@asynccontextmanager
async def aggregates(settings: Settings) -> AsyncIterator[Aggregates]:
    """The aggregates of the configured ledger, computed with the settings. Raises StoreUnavailable, SchemaError."""
    database = settings.database
    async with (
        open_database(settings) as url,
        open_aggregates(url, timeout_s=database.connect_timeout_s, pooled=database.pooled) as found,
    ):
        if await found.set_parameters(settings.aggregates.parameters):
            _log.info("aggregates_marked", reason="what numbers are computed with has changed")
        yield found


@asynccontextmanager
async def proofs(settings: Settings) -> AsyncIterator[PostgresProofs]:
    """The proofs of the configured ledger. Raises StoreUnavailable, SchemaError."""
    async with (
        open_database(settings) as url,
        open_proofs(url, timeout_s=settings.database.connect_timeout_s, pooled=settings.database.pooled) as found,
    ):
        yield found


def stream_names() -> Sequence[str]:
    return [protocol.name for protocol in protocols()]
