"""Blocks that hold nothing of ours: told by their bytes, and read without making anything of their transactions.

A name stands in the text wherever an account is named, be it static or loaded. Where no name occurs, and no escape can
spell one, no transaction is ours if every one shows its accounts: an object in encoding json, with its effects
recorded, of a known version. That is what the shape demands of each; all else of it is passed over, and yet has to be
JSON to the end of the body, so that a damaged body is no foreign block. Bodies that cannot be damaged are cut (cut.py).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import lru_cache

import msgspec
from ahocorasick_rs import BytesAhoCorasick, MatchKind

from indexer.core import base58
from indexer.core.rpc.shapes import Head
from indexer.core.transaction import Version

# Letters and digits need no escape, and have one: \u0030 to \u007a.
_ESCAPES = (b"\\u003", b"\\u004", b"\\u005", b"\\u006", b"\\u007")
# Found nowhere. Where there are at most three first bytes the library walks from one of them to the next, and they are
# everywhere; with more it compares several places at once.
_NOWHERE = (b"#nowhere", b"$nowhere", b"%nowhere", b"&nowhere")


def search(words: Iterable[bytes]) -> BytesAhoCorasick:
    """Finds words in bytes; of those that begin at one place the first in this order."""
    return BytesAhoCorasick([*words, *_NOWHERE], MatchKind.LeftmostFirst)


class Gate:
    """Tells bodies that name none of some programs. Building it costs more than asking it: see `gate`."""

    def __init__(self, programs: Collection[bytes]) -> None:
        names = (base58.encode(program).encode() for program in programs)
        self._search = search([*names, *_ESCAPES])

    def names_none(self, body: bytes) -> bool:
        """Whether no text in this body can be the name of one of the programs. Never raises."""
        return not self._search.find_matches_as_indexes(body)


@lru_cache(maxsize=64)
def gate(programs: frozenset[bytes]) -> Gate:
    return Gate(programs)


class _Effects(msgspec.Struct, gc=False):
    """An object."""


class _Message(msgspec.Struct, rename="camel", gc=False):
    account_keys: msgspec.Raw


class _Body(msgspec.Struct, gc=False):
    message: _Message


class _Foreign(msgspec.Struct, gc=False):
    """A transaction that shows its accounts; they are not read."""

    transaction: _Body
    meta: _Effects
    version: Version = "legacy"


class ForeignBlock(Head, rename="camel", kw_only=True):
    """A getBlock answer whose body names none of the programs. Any other shape is read whole, and says what it is."""

    transactions: list[_Foreign]
