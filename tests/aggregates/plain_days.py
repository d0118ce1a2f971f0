"""Traders, providers and coverage by day, recomputed of all rows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from fractions import Fraction
from functools import lru_cache
from typing import Any

from tests.aggregates.book import DAY, HOUR, Book, Row, day_of, grouped, known_sum, ratio, start_of
from tests.aggregates.plain_hours import Rollup, count
from tests.aggregates.plain_rows import owner, value_e6

Day = tuple[date, str]


def is_wash(book: Book, fills: list[Row]) -> tuple[bool, bool]:
    """(can be judged, is wash trading): of one trader, one protocol and one day, perp fills."""
    seen = [t.collateral_usd_e6 for t in fills if t.collateral_usd_e6 is not None]
    collateral = max(seen, default=Fraction(0))
    net = [t for t in fills if t.excluded is None]
    volume = known_sum(t.size_usd_e6 for t in net) or Fraction(0)
    bought = known_sum(t.size_usd_e6 for t in net if t.direction == "buy") or Fraction(0)
    sold = known_sum(t.size_usd_e6 for t in net if t.direction == "sell") or Fraction(0)
    positions = {t.position_key for t in net if t.position_key is not None}
    if collateral <= 0:
        return False, False
    turned_over = volume / collateral >= book.parameter("wash_turnover")
    balanced = abs(bought - sold) <= book.parameter("wash_imbalance") * volume
    return True, turned_over and (balanced or len(positions) >= book.parameter("wash_positions"))


@lru_cache(maxsize=1)
def daily_traders(book: Book) -> Rollup:
    trades = book.rows["trade"]
    made: Rollup = {}
    judged = {
        at: is_wash(book, fills)
        for at, fills in grouped(
            [t for t in trades if t.market_kind == "perp" and t.trader is not None],
            lambda t: (day_of(t.block_time), t.protocol, t.trader),
        )
    }
    as_trader = dict(grouped(trades, lambda t: (*_market(t), t.trader or b"")))
    as_maker = dict(grouped([t for t in trades if t.counterparty is not None], lambda t: (*_market(t), t.counterparty)))
    for at in {*as_trader, *as_maker}:
        can_be, is_it = judged.get((at[0], at[1], at[4]), (False, False))
        made[at] = _person(as_trader.get(at, []), as_maker.get(at, [])) | {"is_judged": can_be, "is_wash": is_it}
    return made


def _market(t: Row) -> tuple[Any, ...]:
    return (day_of(t.block_time), t.protocol, t.market_key, t.market_kind)


def _person(fills: list[Row], made: list[Row]) -> dict[str, Any]:
    net, made_net = [t for t in fills if t.excluded is None], [t for t in made if t.excluded is None]
    collaterals = [t.collateral_usd_e6 for t in fills if t.collateral_usd_e6 is not None]
    return {
        "trades": len(net),
        "without_pnl": count(t.pnl_usd_e6 is None and t.action not in ("open", "increase") for t in fills),
        "liquidations": count(t.is_liquidation for t in fills),
        "maker_trades": len(made_net),
        "volume_e6": known_sum(t.size_usd_e6 for t in net),
        "buy_volume_e6": known_sum(t.size_usd_e6 for t in net if t.direction == "buy"),
        "sell_volume_e6": known_sum(t.size_usd_e6 for t in net if t.direction == "sell"),
        "maker_volume_e6": known_sum(t.size_usd_e6 for t in made_net),
        "fees_e6": known_sum(t.fee_usd_e6 for t in fills),
        "maker_fees_e6": known_sum(t.maker_fee_usd_e6 for t in made),
        "funding_e6": known_sum(t.funding_usd_e6 for t in fills),
        "pnl_e6": known_sum(t.pnl_usd_e6 for t in fills),
        "collateral_e6": max(collaterals, default=None),
    }


def daily_providers(book: Book) -> Rollup:
    def key(f: Row) -> tuple[Any, ...]:
        return (day_of(f.block_time), f.protocol, f.venue, f.venue_key, owner(book, f) or b"")

    return {
        at: {
            "deposits": count(f.flow == "deposit" for f in rows),
            "withdrawals": count(f.flow == "withdraw" for f in rows),
            "unvalued": count(value_e6(book, f) is None for f in rows),
            "deposits_e6": known_sum(value_e6(book, f) for f in rows if f.flow == "deposit"),
            "withdrawals_e6": known_sum(value_e6(book, f) for f in rows if f.flow == "withdraw"),
            "fees_e6": known_sum(f.fee_usd_e6 for f in rows),
        }
        for at, rows in grouped(book.rows["lp_flow"], key)
    }


def active_days(book: Book) -> Rollup:
    kinds = ("trade", "swap", "lp_flow", "fee", "liquidation")
    return {(day_of(row.block_time), row.protocol): {} for kind in kinds for row in book.rows[kind]}


@lru_cache(maxsize=1)
def covered_spans(book: Book) -> Rollup:
    made: Rollup = {}
    times = dict(book.anchors)
    for stream, spans in book.coverage.items():
        for first, behind in spans:
            within = [time for slot, time in book.anchors if first <= slot < behind]
            starts = times.get(first - 1, within[0] if within else None)
            ends = times.get(behind, within[-1] if within else None)
            made[stream, first] = {
                "behind_slot": behind,
                "starts_at": None if starts is None else starts + 1,
                "ends_at": ends,
            }
    return made


def covered_seconds(book: Book, protocol: str, since: int, until: int) -> int:
    found = 0
    for (stream, _), span in covered_spans(book).items():
        if stream == protocol and None not in (span["starts_at"], span["ends_at"]):
            found += max(0, min(until, span["ends_at"]) - max(since, span["starts_at"]))
    return found


def covered_fraction(book: Book, protocol: str, hour: int) -> Fraction:
    """Of an hour."""
    return ratio(covered_seconds(book, protocol, hour, hour + HOUR), HOUR, 6) or Fraction(0)


def head(book: Book, protocol: str) -> int | None:
    """The last second of what is covered."""
    ends = [s["ends_at"] for (stream, _), s in covered_spans(book).items() if stream == protocol]
    return max((end for end in ends if end is not None), default=None)


@lru_cache(maxsize=1)
def coverage_daily(book: Book) -> dict[Day, tuple[str, Fraction]]:
    """(full, partial or none; covered fraction) of every day that the views have."""
    protocols = {*book.coverage, *(protocol for _, protocol in active_days(book))}
    return {at: _coverage(book, *at) for protocol in protocols for at in _days(book, protocol)}


def _coverage(book: Book, day: date, protocol: str) -> tuple[str, Fraction]:
    covered = covered_seconds(book, protocol, start_of(day), start_of(day) + DAY)
    word = "full" if covered == DAY else "partial" if covered else "none"
    return word, ratio(covered, DAY, 6) or Fraction(0)


def _days(book: Book, protocol: str) -> Iterator[Day]:
    spans = [s for (stream, _), s in covered_spans(book).items() if stream == protocol]
    timed = [s for s in spans if None not in (s["starts_at"], s["ends_at"]) and s["starts_at"] < s["ends_at"]]
    days = {day for day, name in active_days(book) if name == protocol}
    if timed:
        first, last = day_of(min(s["starts_at"] for s in timed)), day_of(max(s["ends_at"] for s in timed) - 1)
        days |= {first + timedelta(days=n) for n in range((last - first).days + 1)}
    yield from ((day, protocol) for day in days)
