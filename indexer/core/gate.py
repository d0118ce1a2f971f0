"""Blocks that hold nothing of ours, told from the bytes of the answer before any of their transactions is parsed.

One walk over the bytes finds the programs' names, a second the marks of transactions. A block is foreign where no name
occurs, no escape can spell one, and every transaction is of the usual kind: an object in encoding json, with its
effects recorded, of a known version. Then its transactions are cut out and the rest is read as always; in any other
case the whole body is. A name stands in the text wherever an account is named, be it static or loaded.

Not looked at: whether what is cut out is JSON.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from functools import lru_cache
from operator import itemgetter

import msgspec
from ahocorasick_rs import BytesAhoCorasick, MatchKind

from indexer.core import base58

# Letters and digits need no escape, and have one: \u0030 to \u007a.
_ESCAPES = (b"\\u003", b"\\u004", b"\\u005", b"\\u006", b"\\u007")
_LACKING = b"},null"  # In the place of a transaction.
# Found nowhere. Where there are at most three first bytes the library walks from one of them to the next, and they are
# everywhere; with more it compares several places at once.
_NOWHERE = (b"#nowhere", b"$nowhere", b"%nowhere", b"&nowhere")
_ALL, _ONE, _EFFECTS, _KEYS, _VERSION = b'"transactions"', b'"transaction"', b'"meta"', b'"accountKeys"', b'"version"'
# Marks as they stand in usual transactions; nodes write no blanks. A mark that goes on otherwise makes a block unusual.
_MARKS = {_ALL: _ALL + b":[{", _ONE: _ONE + b":{", _EFFECTS: _EFFECTS + b":{", _KEYS: _KEYS + b":["}
_VERSIONS = tuple(
    _VERSION + known + behind for known in (b':"legacy"', b":0", b":1") for behind in (b"},{", b"}]", b",")
)
_MOST_TRIES = 16


class Gate:
    """Tells blocks that name none of some programs. Building it costs more than asking it: see `gate`."""

    def __init__(self, programs: Collection[bytes]) -> None:
        usual = [*_MARKS.values(), *_VERSIONS]
        ours = [*(base58.encode(program).encode() for program in programs), *_ESCAPES, *_NOWHERE]
        self._ours = BytesAhoCorasick(ours, MatchKind.LeftmostFirst)
        # Of what begins at one place the first of these is found: the mark alone only if it goes on otherwise.
        self._marks = BytesAhoCorasick([*usual, _LACKING, *_MARKS, _VERSION, *_NOWHERE], MatchKind.LeftmostFirst)
        self._usual = len(usual)

    def thinned(self, body: bytes) -> bytes:
        """A getBlock answer without its transactions where all are foreign; else the same bytes. Never raises."""
        if self._ours.find_matches_as_indexes(body):
            return body
        found = self._marks.find_matches_as_indexes(body)
        counts = Counter(map(itemgetter(0), found))
        lists, ones, effects, keys = (counts[number] for number in range(len(_MARKS)))
        if max(counts, default=0) >= self._usual or lists != 1 or not 0 < ones == effects == keys:
            return body
        start = next(end for number, _, end in found if number == 0)
        return _without_list(body, start - len("{"), found[-1][1])


@lru_cache(maxsize=64)
def gate(programs: frozenset[bytes]) -> Gate:
    return Gate(programs)


def _without_list(body: bytes, start: int, last: int) -> bytes:
    """The body without what stands between `start` and the end of the list, which lies behind the place `last`.

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
