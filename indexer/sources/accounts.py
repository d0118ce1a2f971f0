"""Rare questions to a node: which cluster it is of, and what IDL a program publishes.

Drift and GMX-Solana have the same program ids on devnet, so an endpoint proves its cluster by its
genesis hash before anything of it is believed. Programs change their IDL without notice: the ones they
publish on chain tell what we would misread.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import msgspec
from solana.exceptions import SolanaRpcException
from solana.rpc.async_api import AsyncClient
from solana.rpc.commitment import Finalized
from solana.rpc.core import RPCException
from solders.pubkey import Pubkey

from indexer.core import base58
from indexer.core.idl import UnsupportedIdl
from indexer.core.idl_account import ANCHOR_SEED, METADATA_PROGRAM, METADATA_SEED, Elsewhere, anchor_text, metadata_text
from indexer.errors import ClusterMismatch, InputError
from indexer.sources.addresses import Scrubber, names_of

_REMEDY = "name an endpoint of the ledger's cluster, or use another database"


Account = Literal["anchor", "program-metadata"]


class PublishedIdl(msgspec.Struct, frozen=True):
    """`key`: of the account, base58. `text`: or why it cannot be read."""

    program_id: bytes
    account: Account
    key: str
    text: str | UnsupportedIdl


class _Place(msgspec.Struct, frozen=True):
    program_id: bytes
    account: Account
    key: bytes


class _Found(msgspec.Struct, frozen=True):
    place: _Place
    text: str | Elsewhere | UnsupportedIdl


class EndpointUnavailable(InputError):
    """The endpoint does not answer as a Solana node."""


async def genesis_hash(endpoint: str) -> str:
    """The genesis hash that the endpoint reports, base58. Raises EndpointUnavailable."""
    async with AsyncClient(endpoint) as client:
        try:
            return str((await client.get_genesis_hash()).value)
        except (SolanaRpcException, RPCException) as error:
            raise _unavailable(endpoint, error) from None


async def require_cluster(endpoint: str, expected: str) -> None:
    """Raises ClusterMismatch, with both hashes, where the endpoint is of another cluster."""
    found = await genesis_hash(endpoint)
    if found != expected:
        raise ClusterMismatch(
            f"the endpoint has genesis hash {found}, the ledger {expected}",
            place=names_of([endpoint])[0],
            remedy=_REMEDY,
        )


async def published_idls(endpoint: str, program_ids: Sequence[bytes]) -> list[PublishedIdl]:
    """What each program publishes, in the order of programs; Anchor's account before the program-metadata program's.

    A program that publishes nothing is not in it. Raises EndpointUnavailable.
    """
    places = [place for program_id in program_ids for place in _places(program_id)]
    async with AsyncClient(endpoint) as client:
        try:
            images = await _images(client, [place.key for place in places])
            found = [_read(place, data) for place, data in zip(places, images, strict=True) if data]
            elsewhere = [one.text.key for one in found if isinstance(one.text, Elsewhere)]
            others = dict(zip(elsewhere, await _images(client, elsewhere), strict=True))
        except (SolanaRpcException, RPCException) as error:
            raise _unavailable(endpoint, error) from None
    return [_fetched(one, others) for one in found]


def _places(program_id: bytes) -> Iterator[_Place]:
    program = Pubkey.from_bytes(program_id)
    base, _ = Pubkey.find_program_address([], program)
    yield _Place(program_id, "anchor", bytes(Pubkey.create_with_seed(base, ANCHOR_SEED, program)))
    seeds = [program_id, b"", METADATA_SEED]  # Without an authority: the program's own, which nobody else can write.
    metadata, _ = Pubkey.find_program_address(seeds, Pubkey.from_bytes(METADATA_PROGRAM))
    yield _Place(program_id, "program-metadata", bytes(metadata))


async def _images(client: AsyncClient, keys: Sequence[bytes]) -> list[bytes | None]:
    if not keys:
        return []
    asked = [Pubkey.from_bytes(key) for key in keys]
    answer = await client.get_multiple_accounts(asked, commitment=Finalized)
    return [None if one is None else bytes(one.data) for one in answer.value]


def _read(place: _Place, data: bytes) -> _Found:
    try:
        text = anchor_text(data) if place.account == "anchor" else metadata_text(data, place.program_id)
    except UnsupportedIdl as error:
        return _Found(place, error)
    return _Found(place, text)


def _fetched(found: _Found, others: Mapping[bytes, bytes | None]) -> PublishedIdl:
    place, text = found.place, found.text
    if isinstance(text, Elsewhere):
        try:
            text = text.text(others[text.key] or b"")
        except UnsupportedIdl as error:
            text = error
    return PublishedIdl(place.program_id, place.account, base58.encode(place.key), text)


def _unavailable(endpoint: str, error: Exception) -> EndpointUnavailable:
    reason = Scrubber(endpoint)(str(error.__cause__ or error)) or type(error.__cause__ or error).__name__
    return EndpointUnavailable(f"no answer of a Solana node: {reason}", place=names_of([endpoint])[0])
