"""What a request asks of a table: its query parameters, each checked before the database hears of it. Pure.

A parameter that the table does not have is an error that names those it has: a mistyped filter must not be silently
without effect.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import Literal

import msgspec

from indexer.http.catalogue import Column, Relation
from indexer.http.tables import FILTERS, PROTOCOLS, Table
from indexer.http.trouble import Trouble

DEFAULT_ROWS = 100
MOST_CHARS = 100  # Of a filter.
MOST_CURSOR_CHARS = 2000
TEXT = r"[^\u0000-\u001f\u007f]{1,100}"
KEY = "[1-9A-HJ-NP-Za-km-z]{32,44}"
_BOOLEANS = {"true": True, "false": False}
# RFC 3339, or a day alone.
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}(?:[Tt ]\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:[Zz]|[+-]\d{2}:\d{2}))?", re.ASCII)

Order = Literal["desc", "asc"]
_ORDERS: Mapping[str, Order] = {"desc": "desc", "asc": "asc"}


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """`filters`: a column and its value. `begin` is in it, `end` is not. `behind`: the key of the last row shown."""

    limit: int
    order: Order
    filters: Mapping[str, str | bool] = {}
    begin: datetime | None = None
    end: datetime | None = None
    behind: tuple[str, ...] | None = None


def filters_of(relation: Relation) -> list[Column]:
    """The columns by which a table can be filtered."""
    return [column for name, column in relation.columns.items() if name in FILTERS and column.kind in ("text", "bool")]


def is_key(column: Column, relation: Relation) -> bool:
    """Whether it is compared as bytes, by an index: the view has it as bytes too."""
    return f"{column.name}_bytes" in relation.columns


def asked(table: Table, relation: Relation, query: Sequence[tuple[str, str]], most_rows: int) -> Asked:
    """`query`: names and values as they came. Raises Trouble."""
    given = _once(query)
    known = {column.name: column for column in filters_of(relation)}
    names = ["limit", "order", "cursor", *(["from", "to"] if table.time else []), *known]
    for name in given:
        if name not in names:
            raise _bad(f"{table.name} has no parameter {name[:MOST_CHARS]!r}", f"name one of {', '.join(names)}")
    order = _order(given.get("order", "desc"))
    return Asked(
        limit=_limit(given.get("limit"), most_rows),
        order=order,
        filters={name: _value(known[name], relation, given[name]) for name in given if name in known},
        begin=_moment("from", given.get("from")),
        end=_moment("to", given.get("to")),
        behind=opened(table, order, given["cursor"]) if "cursor" in given else None,
    )


def _once(query: Sequence[tuple[str, str]]) -> dict[str, str]:
    given: dict[str, str] = {}
    for name, value in query:
        if name in given:
            raise _bad(f"{name[:MOST_CHARS]!r} was given twice", "give it once")
        given[name] = value
    return given


def _limit(text: str | None, most: int) -> int:
    if text is None:
        return min(DEFAULT_ROWS, most)
    if not re.fullmatch(r"[0-9]{1,6}", text) or not 1 <= int(text) <= most:
        raise _bad(f"limit is {text[:MOST_CHARS]!r}", f"give a whole number from 1 to {most}")
    return int(text)


def _order(text: str) -> Order:
    if text in _ORDERS:
        return _ORDERS[text]
    raise _bad(f"order is {text[:MOST_CHARS]!r}", f"give one of {', '.join(_ORDERS)}")


def _value(column: Column, relation: Relation, text: str) -> str | bool:
    if column.kind == "bool":
        if text not in _BOOLEANS:
            raise _bad(f"{column.name} is {text[:MOST_CHARS]!r}", "give true or false")
        return _BOOLEANS[text]
    if column.name == "protocol" and text not in PROTOCOLS:
        raise _bad(f"no protocol is called {text[:MOST_CHARS]!r}", f"name one of {', '.join(PROTOCOLS)}")
    pattern = KEY if is_key(column, relation) else TEXT
    if not re.fullmatch(pattern, text):
        what = "a key in base58" if pattern == KEY else f"1 to {MOST_CHARS} characters"
        raise _bad(f"{column.name} is {text[:MOST_CHARS]!r}", f"give {what}")
    return text


def _moment(name: str, text: str | None) -> datetime | None:
    if text is None:
        return None
    remedy = "give a day (2026-01-31) or a time with its zone (2026-01-31T10:00:00Z)"
    if not _TIME.fullmatch(text):
        raise _bad(f"{name} is {text[:MOST_CHARS]!r}", remedy)
    try:
        day = date.fromisoformat(text[:10])
        if len(text) == 10:
            return datetime.combine(day, time(), UTC)
        given = datetime.fromisoformat(text.upper())
    except ValueError:
        raise _bad(f"{name} is {text!r}, which is no time", remedy) from None
    try:
        return given.astimezone(UTC)
    except OverflowError:  # Its zone leads out of the years that there are: the first or last moment means the same.
        return datetime.min.replace(tzinfo=UTC) if day.year == 1 else datetime.max.replace(tzinfo=UTC)


def sealed(table: Table, order: Order, key: Sequence[str]) -> str:
    """A cursor: the key of the last row, of no meaning to others."""
    return base64.urlsafe_b64encode(msgspec.json.encode((table.name, order, *key))).decode().rstrip("=")


def opened(table: Table, order: Order, cursor: str) -> tuple[str, ...]:
    """The key that `sealed` hid. Raises Trouble."""
    remedy = "take `next` of the page before, as it is, with the same table and order"
    if len(cursor) > MOST_CURSOR_CHARS or not re.fullmatch(r"[A-Za-z0-9_-]+", cursor):
        raise _bad("the cursor is none of ours", remedy)
    try:
        name, for_order, *key = msgspec.json.decode(
            base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)), type=tuple[str, ...]
        )
    except (ValueError, binascii.Error, msgspec.DecodeError):
        raise _bad("the cursor is none of ours", remedy) from None
    if name != table.name or for_order != order or len(key) != len(table.key) or any("\0" in part for part in key):
        raise _bad("the cursor belongs to another question", remedy)
    return tuple(key)


def _bad(message: str, remedy: str) -> Trouble:
    return Trouble("bad_parameter", message, remedy)
