"""Which days a page is of: `from` and `to` (UTC days, both in it), or a `window` of days, as the address asks for them.

A window ends with a day that was seen whole. One that cannot be had as asked for is never exchanged in silence.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from urllib.parse import urlencode

import msgspec

from indexer.errors import InputError
from indexer.report.comparison import Window

DAYS = 7
MOST_DAYS = 400
WINDOWS = (7, 30, 90)
_WINDOW = re.compile(r"([0-9]{1,3})d", re.ASCII)


class Asked(msgspec.Struct, frozen=True):
    """`first`: fixed, or None: `days` decides. `last`: not after it; None: the newest."""

    first: date | None = None
    last: date | None = None
    days: int = DAYS


class Choice(msgspec.Struct, frozen=True):
    """A link to a window of so many days. `query`: of its address."""

    text: str
    query: str
    is_current: bool


def asked(query: Mapping[str, str]) -> Asked:
    """What the address asks for. Raises InputError."""
    first, last, days = _day(query, "from"), _day(query, "to"), _days(query)
    if first is None:
        return Asked(None, last, days or DAYS)
    if days is not None:
        if last is not None:
            raise InputError("from, to and window were all given", remedy="two of them are enough")
        last = first + timedelta(days=days - 1)
    if last is not None and not 0 <= (last - first).days < MOST_DAYS:
        raise InputError(f"from {first} to {last} are not 1 to {MOST_DAYS} days")
    return Asked(first, last, days or DAYS)


def window(wanted: Asked, last_full: date) -> Window:
    """The days, of which the last is `last_full`, the last one that was seen whole. Raises InputError."""
    if wanted.first is None:
        return Window(last_full, wanted.days)
    days = (last_full - wanted.first).days + 1
    if days < 1:
        raise InputError(f"no day from {wanted.first} on is fully covered", remedy=f"the last one is {last_full}")
    return Window(last_full, min(days, MOST_DAYS))


def choices(wanted: Asked) -> Sequence[Choice]:
    """Windows that end alike."""
    ends = {} if wanted.last is None else {"to": str(wanted.last)}
    return [
        Choice(f"{days} days", urlencode({"window": f"{days}d"} | ends), wanted.first is None and wanted.days == days)
        for days in WINDOWS
    ]


def query_of(wanted: Asked) -> str:
    """The part of an address behind `?` that asks for the same days; empty for the usual ones."""
    given: dict[str, object] = {"from": wanted.first, "to": wanted.last}
    if wanted.first is None and wanted.days != DAYS:
        given["window"] = f"{wanted.days}d"
    return urlencode({name: str(value) for name, value in given.items() if value is not None})


def _day(query: Mapping[str, str], name: str) -> date | None:
    text = query.get(name, "")
    if not text:
        return None  # A form sends what was left empty.
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InputError(f"{name}={text[:20]!r} is no day", remedy=f"write {name}=2026-01-31") from None


def _days(query: Mapping[str, str]) -> int | None:
    text = query.get("window", "")
    if not text:
        return None
    found = _WINDOW.fullmatch(text)
    if found is None or not 1 <= int(found[1]) <= MOST_DAYS:
        raise InputError(f"window={text[:20]!r} is not 1d to {MOST_DAYS}d", remedy="write window=30d")
    return int(found[1])
