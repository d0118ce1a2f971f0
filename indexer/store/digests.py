"""What every store keeps of digests: the sum of a bucket moves with its rows, and can be made again from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from indexer.core.coverage import Span, Spans
from indexer.core.digest import Digest


class Digested(msgspec.Struct, frozen=True):
    """What a ledger tells of a stream's slots, all of it as of one moment.

    `covered`: the settled ones. `kept`: see `Digests.digests`. `stored`: see `payload_digests`; None: not asked for.
    """

    covered: Spans
    kept: Mapping[int, Digest]
    stored: Mapping[tuple[int, bytes], Digest] | None


class Digests(Protocol):
    """A stream's settled payloads in buckets of `core.digest.BUCKET_SLOTS`. Methods may raise StoreUnavailable."""

    async def digests(self, stream: str, span: Span) -> Mapping[int, Digest]:
        """What is kept, by bucket, of the buckets that touch the span; those without payloads are left out."""

    async def payload_digests(self, stream: str, span: Span) -> Mapping[tuple[int, bytes], Digest]:
        """By slot and signature, computed now from the stored payloads of these slots: to compare with what is kept."""

    async def digested(self, stream: str, span: Span, *, payloads: bool) -> Digested:
        """Both, and what is settled: whatever is written meanwhile, a digest and the slots that it is of fit."""

    async def digests_waiting(self, stream: str, span: Span) -> Sequence[int]:
        """Buckets that touch the span and were filled before digests were kept: their kept digest lacks these rows."""

    async def build_digest(self, stream: str, bucket: int) -> None:
        """Compute a waiting bucket from its payloads; in one transaction, while writers of its slots wait."""
