"""Blocks of others, cut: the answer without its transactions, which are counted by their marks and not read.

Every transaction must be of the usual kind: an object in encoding json, with its effects recorded, of a known version.
Where one may be another, nothing is cut. What is cut out is not looked at, not even for being JSON: only bodies are cut
that are byte for byte what the node wrote, and that name nothing of ours (gate.py).
"""

from __future__ import annotations

from collections import Counter
from operator import itemgetter

import msgspec

from indexer.core.rpc.gate import search

_LACKING = b"},null"  # In the place of a transaction.
_LIST, _ONE, _EFFECTS, _KEYS, _VERSION = b'"transactions"', b'"transaction"', b'"meta"', b'"accountKeys"', b'"version"'
# Marks as they stand in usual transactions; nodes write no blanks. A mark that goes on otherwise makes a block unusual.
_MARKS = {_LIST: _LIST + b":[{", _ONE: _ONE + b":{", _EFFECTS: _EFFECTS + b":{", _KEYS: _KEYS + b":["}
_VERSIONS = [_VERSION + known + behind for known in (b':"legacy"', b":0", b":1") for behind in (b"},{", b"}]", b",")]
_USUAL = [*_MARKS.values(), *_VERSIONS]
# Of what begins at one place the first of these is found: the mark alone only if it goes on otherwise.
_SEARCH = search([*_USUAL, _LACKING, *_MARKS, _VERSION])
_MOST_TRIES = 16


def without_transactions(body: bytes) -> bytes:
    """A getBlock answer with an empty list of transactions where all are usual; else the same bytes. Never raises."""
    found = _SEARCH.find_matches_as_indexes(body)
    counts = Counter(map(itemgetter(0), found))
    lists, ones, effects, keys = (counts[number] for number in range(len(_MARKS)))
    if max(counts, default=0) >= len(_USUAL) or lists != 1 or not 0 < ones == effects == keys:
        return body
    start = next(end for number, _, end in found if number == 0)
    return _without_list(body, start - len("{"), found[-1][1])


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
