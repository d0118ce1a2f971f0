"""Rare questions to a node: which cluster it is of, and what IDL a program publishes.

Drift and GMX-Solana have the same program ids on devnet, so an endpoint proves its cluster by its
genesis hash before anything of it is believed. Programs move their IDL without notice: the one they
publish on chain tells which events we do not know yet.
"""

from __future__ import annotations

import json
from typing import Any

from anchorpy.error import IdlNotFoundError
from anchorpy.program.core import Program
from anchorpy.provider import Provider, Wallet
from solana.exceptions import SolanaRpcException
from solana.rpc.async_api import AsyncClient
from solana.rpc.core import RPCException
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from indexer.errors import ClusterMismatch, InputError
from indexer.sources.addresses import Scrubber, names_of

_REMEDY = "name an endpoint of the ledger's cluster, or use another database"


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


async def published_events(endpoint: str, program_id: bytes) -> tuple[str, ...] | None:
    """Names of the events in the IDL that the program publishes on chain; None: it publishes none."""
    async with AsyncClient(endpoint) as client:
        provider = Provider(client, Wallet(Keypair()))  # Anchor wants a wallet; nothing is ever signed.
        try:
            text = await Program.fetch_raw_idl(Pubkey.from_bytes(program_id), provider)
        except IdlNotFoundError:
            return None
        except (SolanaRpcException, RPCException) as error:
            raise _unavailable(endpoint, error) from None
    idl: dict[str, Any] = json.loads(text)
    return tuple(str(event["name"]) for event in idl.get("events") or ())


def _unavailable(endpoint: str, error: Exception) -> EndpointUnavailable:
    reason = Scrubber(endpoint)(str(error.__cause__ or error)) or type(error.__cause__ or error).__name__
    return EndpointUnavailable(f"no answer of a Solana node: {reason}", place=names_of([endpoint])[0])
