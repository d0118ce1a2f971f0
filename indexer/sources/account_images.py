"""Images of accounts at `finalized`: those of known keys, and which keys a program has of one kind.

Keys are listed without the accounts' bytes, which is all that getProgramAccounts is asked for; the bytes come by
getMultipleAccounts, compressed, a hundred accounts at a time. All of one request are of one slot, and of none before
`past`. An account that nobody made is absent. What an answer holds that it cannot hold is not believed, and another
endpoint is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import msgspec
import pybase64
import zstandard

from indexer.core import base58
from indexer.core.account import Image, Listing
from indexer.core.jsonrpc import Reading
from indexer.core.transaction import Unavailable
from indexer.sources.ahead import gathered
from indexer.sources.providers import Answer
from indexer.sources.rpc import Rpc

MOST_AT_ONCE = 100  # Accounts of one request; nodes refuse more.
MOST_REQUESTS = 4  # On their way at once.
MOST_LISTED = 5_000  # Keys of one kind: far more than there are markets or vaults.
MOST_BYTES = 10 * 1024 * 1024  # Of one account; the chain has no larger ones.
_ENCODING = "base64+zstd"
_FINALIZED = {"commitment": "finalized"}


class _Context(msgspec.Struct):
    slot: int


class _Account(msgspec.Struct):
    owner: str
    data: tuple[str, str]


class _Images(msgspec.Struct):
    context: _Context
    value: list[_Account | None]


class _Key(msgspec.Struct):
    pubkey: str


class AccountImages:
    """Questions to the pool of endpoints. All raise Refused and SourceInterrupted as `Providers.ask` does."""

    def __init__(self, rpc: Rpc) -> None:
        self._rpc = rpc

    async def images(self, keys: Collection[bytes], *, past: int | None = None) -> Sequence[Image]:
        """The accounts that are there, in order of their keys; up to a hundred are of one slot."""
        wanted = sorted(set(keys))
        parts = [wanted[n : n + MOST_AT_ONCE] for n in range(0, len(wanted), MOST_AT_ONCE)]

        async def part(some: Sequence[bytes]) -> Sequence[Image]:
            return (await self._part(some, past)).value

        return [image for images in await gathered(parts, part, MOST_REQUESTS) for image in images]

    async def keys(self, listing: Listing) -> Sequence[bytes]:
        """Keys of all accounts of one kind, in order."""
        start = base58.encode(listing.discriminator)
        filters: list[Mapping[str, Any]] = [{"memcmp": {"offset": 0, "bytes": start}}]
        filters += [] if listing.size is None else [{"dataSize": listing.size}]
        config = {**_FINALIZED, "encoding": "base64", "dataSlice": {"offset": 0, "length": 0}, "filters": filters}
        params = [base58.encode(listing.program), config]
        answer = await self._rpc.providers.ask("getProgramAccounts", params, _KEYS, lane="backfill")
        return answer.value

    async def times(self, slots: Collection[int]) -> Mapping[int, int]:
        """Unix seconds of blocks, of those whose time the chain knows."""

        async def time(slot: int) -> tuple[int, int | None]:
            return slot, (await self._rpc.block_head(slot, lane="live")).value.block_time

        found = await gathered(sorted(slots), time, MOST_REQUESTS)
        return {slot: seconds for slot, seconds in found if seconds is not None}

    async def _part(self, keys: Sequence[bytes], past: int | None) -> Answer[Sequence[Image]]:
        config: dict[str, Any] = {**_FINALIZED, "encoding": _ENCODING}
        config |= {} if past is None else {"minContextSlot": past}
        params = [[base58.encode(key) for key in keys], config]
        reading: Reading[_Images, Sequence[Image]] = Reading(_Images, _of(keys, past))
        answer = await self._rpc.providers.ask("getMultipleAccounts", params, reading, lane="live")
        for slot in {image.slot for image in answer.value}:
            self._rpc.providers.saw(answer.endpoint, finalized_slot=slot)
        return answer


def _of(keys: Sequence[bytes], past: int | None) -> Callable[[_Images], Sequence[Image]]:
    """What an answer to a question for these keys says."""

    def read(answer: _Images) -> Sequence[Image]:
        slot = answer.context.slot
        if past is not None and slot < past:
            raise Unavailable(f"accounts of slot {slot}, they have to be of {past} or later")
        if len(answer.value) != len(keys):
            raise Unavailable(f"{len(answer.value)} accounts, {len(keys)} were asked for")
        pairs = zip(keys, answer.value, strict=True)
        return [Image(key, _key(one.owner), slot, _bytes(*one.data)) for key, one in pairs if one is not None]

    return read


def _listed(entries: list[_Key]) -> Sequence[bytes]:
    if len(entries) > MOST_LISTED:
        raise Unavailable(f"{len(entries)} accounts of one kind, more than {MOST_LISTED} are none of ours")
    return sorted({_key(entry.pubkey) for entry in entries})


_KEYS: Reading[list[_Key], Sequence[bytes]] = Reading(list[_Key], _listed)


def _key(text: str) -> bytes:
    try:
        return base58.key(text)
    except base58.NotBase58 as error:
        raise Unavailable(f"a key of an account: {error}") from None


def _bytes(text: str, encoding: str) -> bytes:
    """Nodes that do not compress answer in base64, and say so."""
    if encoding not in (_ENCODING, "base64"):
        raise Unavailable(f"an account in encoding {encoding[:20]!r}")
    try:
        raw = pybase64.b64decode(text, validate=True)
        raw = _decompressed(raw) if encoding == _ENCODING else raw
    except (ValueError, zstandard.ZstdError) as error:
        raise Unavailable(f"an account's bytes cannot be read: {error}") from None
    return _bounded(len(raw), raw)


def _decompressed(raw: bytes) -> bytes:
    """A frame that tells its length is believed, and its memory taken, only up to the bound."""
    _bounded(zstandard.frame_content_size(raw))
    return zstandard.ZstdDecompressor(max_window_size=2**27).decompress(raw, max_output_size=MOST_BYTES)


def _bounded(length: int, raw: bytes = b"") -> bytes:
    if length > MOST_BYTES:
        raise Unavailable(f"an account of {length} bytes, the chain has none above {MOST_BYTES}")
    return raw
