"""The digest of payloads: one number for a set of them, whatever way and in whatever order they came.

A payload's number is the SHA-256 of its identity and its bytes; the digest of a set is the sum of its numbers modulo
2**256, so that sets are joined by adding and taken apart by subtracting. What must stay true:
- identity is (protocol, program id, slot, signature, channel, index), and nothing derived goes in: neither what was
  decoded, nor parts, times, places in blocks, sources or versions;
- a payload has one number, whether it could be read or not; of a row that speaks of a whole transaction (index -1) the
  reason belongs to the identity, since it may have two;
- nothing of these rules changes without another `VERSION`: digests of years ago are compared.
It tells ledgers apart that lost, doubled or misread something. It is no seal: who may choose payloads freely can find
two sets of one sum.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256
from struct import Struct
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from hashlib import _Hash

VERSION = 1
MODULUS = 1 << 256
# About 67 minutes of chain. Divides the 6,480,000 slots of a partition; migrations/0013_digests.sql has it too.
BUCKET_SLOTS = 10_000
_DOMAIN = b"perps-indexer payload %d\0" % VERSION
_place = Struct(">qi?I").pack  # Slot, index, whether there are bytes, length of the signature.


class Digest(msgspec.Struct, frozen=True):
    """Of a set of payloads: how many, and the sum of their numbers, 0 up to 2**256."""

    payloads: int = 0
    total: int = 0

    def __add__(self, other: Digest) -> Digest:
        return Digest(self.payloads + other.payloads, (self.total + other.total) % MODULUS)

    def __sub__(self, other: Digest) -> Digest:
        return Digest(self.payloads - other.payloads, (self.total - other.total) % MODULUS)

    @property
    def hex(self) -> str:
        """64 digits."""
        return f"{self.total:064x}"


NOTHING = Digest()


def payload_number(
    protocol: str,
    program_id: bytes,
    slot: int,
    signature: bytes,
    channel: str,
    index: int,
    payload: bytes | None,
    reason: str = "",
) -> int:
    """`reason`: of a row with index -1, else empty. `payload` None: its bytes are not known, unlike b""."""
    hashed = _head(protocol, program_id, channel, reason).copy()
    place = _place(slot, index, payload is not None, len(signature))
    hashed.update(b"".join((place, signature, payload or b"")))
    return int.from_bytes(hashed.digest(), "big")


@lru_cache(maxsize=1024)
def _head(protocol: str, program_id: bytes, channel: str, reason: str) -> _Hash:
    """What thousands of payloads share, hashed already: to be copied. Every field behind its length in one byte."""
    fields = (protocol.encode(), program_id, channel.encode(), reason.encode())
    return sha256(_DOMAIN + b"".join(len(field).to_bytes(1, "big") + field for field in fields))
