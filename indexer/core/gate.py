"""Blocks that hold nothing of ours, told from the bytes of the answer before any of their transactions is parsed.

One walk over the bytes finds the programs' names and the marks of transactions. A block is foreign where no name
occurs, no escape can spell one, and every transaction is of the usual kind: an object in encoding json, with its
effects recorded, of a known version. Then its transactions are cut out and the rest is read as always; in any other
case the whole body is. A name stands in the text wherever an account is named, be it static or loaded.

Not looked at: whether what is cut out is JSON.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache

import msgspec
from ahocorasick_rs import BytesAhoCorasick, MatchKind

from indexer.core import base58

# Letters and digits need no escape, and have one: \u0030 to \u007a.
_ESCAPES = (b"\\u003", b"\\u004", b"\\u005", b"\\u006", b"\\u007")
_LACKING = (b"[null", b"},null")  # In the place of a transaction.
_ALL, _ONE, _EFFECTS, _KEYS, _VERSION = b'"transactions"', b'"transaction"', b'"meta"', b'"accountKeys"', b'"version"'
# What must follow a mark wherever it stands: nodes write no blanks.
_FOLLOWING: dict[bytes, tuple[bytes, ...]] = {
    _ALL: (b":[",),
    _ONE: (b":{",),
    _EFFECTS: (b":{",),
    _KEYS: (b":[",),
    _VERSION: (b':"legacy"', b":0}", b":0,", b":1}", b":1,"),
}
_MOST_TRIES = 16


class Gate:
    """Tells blocks that name none of some programs. Building it costs more than asking it: see `gate`."""

    def __init__(self, programs: Collection[bytes]) -> None:
        ours = [*(base58.encode(program).encode() for program in programs), *_ESCAPES, *_LACKING]
        self._searched = [*ours, *_FOLLOWING]
        self._first_mark = len(ours)
        self._search = BytesAhoCorasick(self._searched, MatchKind.LeftmostFirst)

    def thinned(self, body: bytes) -> bytes:
        """A getBlock answer without its transactions where all are foreign; else the same bytes. Never raises."""
        found = self._search.find_matches_as_indexes(body)
        counts = dict.fromkeys(_FOLLOWING, 0)
        start = 0
        for number, _, end in found:
            if number < self._first_mark or not body.startswith(_FOLLOWING[mark := self._searched[number]], end):
                return body
            counts[mark] += 1
            start = end if mark == _ALL else start
        if counts[_ALL] != 1 or not 0 < counts[_ONE] == counts[_EFFECTS] == counts[_KEYS]:
            return body
        return _without_list(body, start + len(":["), found[-1][2])


@lru_cache(maxsize=64)
def gate(programs: frozenset[bytes]) -> Gate:
    return Gate(programs)


def _without_list(body: bytes, start: int, last: int) -> bytes:
    """The body without what stands between `start` and the end of the list, which lies behind `last`.

    Cut anywhere else, brackets or quotes are left without their partners and the rest is no JSON.
    """
    end = last
    for _ in range(_MOST_TRIES):
        end = body.find(b"}]", end) + 1
        if end == 0:
            break
        if _is_json(rest := body[:start] + body[end:]):
            return rest
    return body


def _is_json(text: bytes) -> bool:
    try:
        msgspec.json.decode(text, type=msgspec.Raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True
