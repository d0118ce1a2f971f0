"""What lay where, second by second: every moment at which something can change, and what was true between two of them.

Nothing here is clever: for each piece of an hour between two such moments the state is looked up anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import groupby, pairwise
from typing import Any

from tests.aggregates.book import HOUR, Book, Row, day_of, grouped, hour_of, known_sum, newest
from tests.aggregates.plain_days import covered_spans, head
from tests.aggregates.plain_hours import Rollup, holding_of
from tests.aggregates.plain_rows import price_before

Holding = tuple[str, str, str, bytes]


HELD = {("gmx_solana", "pool"), ("drift", "lending"), ("drift", "insurance_fund"), ("drift", "strategy_vault")}
LISTED = {("drift", "strategy_vault_spot"), ("gmx_solana", "glv_holding")}


def holdings(book: Book) -> dict[Holding, list[Row]]:
    """What was told of each, in order; the rows of one payload added up."""
    found = grouped(
        sorted(book.rows["tvl_observation"], key=newest),
        lambda o: (o.protocol, o.component, o.component_key, holding_of(o)),
    )
    return {holding: list(_payloads(rows)) for holding, rows in found}


def _payloads(rows: list[Row]) -> Iterator[Row]:
    for _, some in groupby(rows, lambda o: (o.block_time, o.slot, o.signature, o.channel, o.index)):
        parts = list(some)
        sums = {name: _all([getattr(part, name) for part in parts]) for name in ("amount", "value_usd_e6")}
        sums |= {name: known_sum(getattr(part, name) for part in parts) for name in ("deposits", "borrows")}
        yield Row(**{**vars(parts[-1]), **sums})


def _all(values: list[Fraction | None]) -> Fraction | None:
    return None if None in values else known_sum(values)


def tvl_holdings(book: Book) -> Rollup:
    return {holding: {"mint": holding[3] if len(holding[3]) > 2 else None} for holding in holdings(book)}


def holds_until(book: Book, told: Row) -> int:
    """The first second at which what was told is no longer known, if nothing else is told."""
    age, end = int(book.parameter("price_max_age_s")), head(book, told.protocol)
    if end is None:
        return int(told.block_time)
    settled = None
    for (stream, first), span in covered_spans(book).items():
        if stream == told.protocol and first <= told.slot < span["behind_slot"]:
            settled = span["ends_at"]
    fresh = min(int(told.block_time) + age, end)
    if told.amount is None or (told.protocol, told.component) not in HELD:
        return fresh
    if told.channel == "account":
        return max(fresh, settled if settled is not None else fresh)
    return settled if settled is not None else int(told.block_time)


def stays(book: Book, told: list[Row]) -> Iterator[tuple[int, int, Row]]:
    """(from, until, what was told): within a second the last one counts."""
    for place, row in enumerate(told):
        after = [int(other.block_time) for other in told[place + 1 :]]
        until = min([holds_until(book, row), *after[:1], *listed_anew(book, row)])
        if row.block_time < until and (row.amount is not None or row.value_usd_e6 is not None):
            yield int(row.block_time), until, row


def listed_anew(book: Book, told: Row) -> list[int]:
    """When the list of which this is part was told again, whatever it then named."""
    if (told.protocol, told.component) not in LISTED:
        return []
    of_list = (told.protocol, told.component, told.component_key)
    return [
        int(other.block_time)
        for other in book.rows["tvl_observation"]
        if (other.protocol, other.component, other.component_key) == of_list and other.block_time > told.block_time
    ]


def moments(book: Book, since: int, until: int, mint: bytes | None) -> list[int]:
    """Where a value may change between two moments: full hours, prices, and prices that grow old."""
    age = int(book.parameter("price_max_age_s"))
    prices = [int(p.block_time) for p in book.prices.get(mint or b"", ())]
    hours = range(hour_of(since), until + HOUR, HOUR)
    inner = {*hours, *prices, *(price + age for price in prices)}
    return sorted({since, until, *(moment for moment in inner if since < moment < until)})


def hourly_tvl(book: Book) -> Rollup:
    pieces: dict[tuple[Any, ...], list[tuple[int, int, Row, Fraction | None]]] = {}
    for (protocol, component, key, holding), told in holdings(book).items():
        mint = holding if len(holding) > 2 else None
        for since, until, row in stays(book, told):
            cuts = moments(book, since, until, mint)
            for start, end in pairwise(cuts):
                at = (protocol, component, key, holding, hour_of(start))
                pieces.setdefault(at, []).append((start, end, row, worth(book, row, mint, start)))
    return {at: _hour(found) for at, found in pieces.items()}


def worth(book: Book, row: Row, mint: bytes | None, at: int) -> Fraction | None:
    if row.amount is None:
        return Fraction(row.value_usd_e6) / 1_000_000
    if row.amount == 0:
        return Fraction(0)
    price = price_before(book, mint, at)
    return None if price is None else row.amount * price


def _hour(pieces: list[tuple[int, int, Row, Fraction | None]]) -> dict[str, Any]:
    latest = max(pieces, key=lambda piece: piece[0])[2]
    origins = {row.value_origin for _, _, row, _ in pieces}
    return {
        "amount_s": sum(end - start for start, end, row, _ in pieces if row.amount is not None),
        "known_s": sum(end - start for start, end, _, value in pieces if value is not None),
        "amount_seconds": known_sum(
            None if row.amount is None else row.amount * (end - start) for start, end, row, _ in pieces
        ),
        "value_seconds": known_sum(None if value is None else value * (end - start) for start, end, _, value in pieces),
        "amount": latest.amount,
        "deposits": latest.deposits,
        "borrows": latest.borrows,
        "origin": origins.pop() if len(origins) == 1 else "mixed",
    }


def daily_tvl(book: Book, hours: Rollup) -> Rollup:
    made: Rollup = {}
    for at, rows in _by_day(hours):
        origins = {row["origin"] for row in rows}
        made[at] = {
            "amount_s": sum(row["amount_s"] for row in rows),
            "known_s": sum(row["known_s"] for row in rows),
            "amount_seconds": known_sum(row["amount_seconds"] for row in rows),
            "value_seconds": known_sum(row["value_seconds"] for row in rows),
            "origin": origins.pop() if len(origins) == 1 else "mixed",
        }
    return made


def _by_day(hours: Rollup) -> Iterator[tuple[tuple[Any, ...], list[dict[str, Any]]]]:
    found: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for (*holding, hour), row in hours.items():
        found.setdefault((*holding, day_of(hour)), []).append(row)
    yield from found.items()
