"""The views of volume, traders and providers, recomputed of all rows."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Any

from indexer.core import base58
from tests.aggregates.book import Book, Row, day_of, dollars, grouped, hour_of, known_sum, plus, ratio, total
from tests.aggregates.plain_days import coverage_daily, covered_fraction, daily_providers, daily_traders
from tests.aggregates.plain_hours import count
from tests.aggregates.plain_rows import is_suspect, paid

View = list[dict[str, Any]]


def sizes(rows: Iterable[Row]) -> Fraction | None:
    """Dollars of fills: 0 without fills, None where none tells."""
    return dollars(total(t.size_usd_e6 for t in rows))


SIDES = {
    "buy": ("direction", ("buy",)),
    "sell": ("direction", ("sell",)),
    "opened": ("action", ("open", "increase")),
    "closed": ("action", ("decrease", "close")),
}
OTHER = {"buy": "sell", "sell": "buy", "opened": "closed", "closed": "opened"}


def side(rows: list[Row], name: str) -> Fraction | None:
    """Dollars of the fills of one side; None where there are fills and none of either side tells a size."""
    this, other = (known_sum(t.size_usd_e6 for t in rows if _is_of(t, of)) for of in (name, OTHER[name]))
    if rows and this is None and other is None:
        return None
    return dollars(this or 0)


def _is_of(t: Row, name: str) -> bool:
    column, words = SIDES[name]
    return getattr(t, column) in words


def days_of(book: Book, kind: str) -> dict[tuple[Any, str], list[Row]]:
    return dict(grouped(book.rows[kind], lambda row: (day_of(row.block_time), row.protocol)))


def volume_daily(book: Book) -> View:
    fills, swaps = days_of(book, "trade"), days_of(book, "swap")
    people = daily_traders(book)
    rows, sums = [], {}
    for (day, protocol), (word, fraction) in sorted(coverage_daily(book).items()):
        row: dict[str, Any] = {"day": day, "protocol": protocol, "coverage": word, "covered_fraction": fraction}
        known = _volume(book, fills.get((day, protocol), []), swaps.get((day, protocol), []))
        known |= _wash(known["volume_usd"], [(at, p) for at, p in people.items() if at[:2] == (day, protocol)])
        past = sums.setdefault(protocol, ([], []))
        past[0].append(known["volume_usd"] if word != "none" else None)
        past[1].append(word != "full")
        row |= known if word != "none" else dict.fromkeys(known)
        rows.append(row | {"cumulative_volume_usd": known_sum(past[0]), "cumulative_missing_days": sum(past[1])})
    return rows


def _volume(book: Book, fills: list[Row], swaps: list[Row]) -> dict[str, Any]:
    perp, spot = ([t for t in fills if t.market_kind == kind] for kind in ("perp", "spot"))
    net, net_spot = ([t for t in some if t.excluded is None] for some in (perp, spot))
    forced = [t for t in net if t.is_liquidation]
    fit = [s for s in swaps if not is_suspect(book, s)]
    firsts = [s for s in fit if s.purpose == "swap" and s.hop == 0]
    return {
        "volume_usd": sizes(net),
        "gross_volume_usd": sizes(perp),
        "spot_volume_usd": sizes(net_spot),
        "swap_volume_usd": _swap_volume(swaps, firsts),
        "buy_volume_usd": side(net, "buy"),
        "sell_volume_usd": side(net, "sell"),
        "liquidation_volume_usd": sizes(forced),
        "trades": len(net),
        "traders": len({t.trader for t in net} - {None}),
        "average_trade_usd": ratio(sizes(net), len(net), 6),
        "markets_traded": len({t.market_key for t in net}),
        "liquidations": len(forced),
        "spot_trades": len(net_spot),
        "swaps": len(firsts),
        "unsized_trades": count(t.size_usd_e6 is None for t in perp),
        "suspect_swaps": len(swaps) - len(fit),
    }


def _swap_volume(swaps: list[Row], firsts: list[Row]) -> Fraction | None:
    return dollars(total(s.value_usd_e6 for s in firsts))


def _wash(volume: Fraction | None, people: list[tuple[Any, dict[str, Any]]]) -> dict[str, Any]:
    perp = [(at, person) for at, person in people if at[3] == "perp"]
    washing, judged = ([(at, p) for at, p in perp if p[name]] for name in ("is_wash", "is_judged"))
    washed = dollars(_of_people(washing))
    return {
        "organic_volume_usd": None if volume is None or washed is None else volume - washed,
        "wash_volume_usd": washed,
        "wash_traders": len({at[4] for at, _ in washing}),
        "judged_fraction": ratio(dollars(_of_people(judged)), volume, 6),
    }


def _of_people(people: list[tuple[Any, dict[str, Any]]]) -> Fraction | None:
    trades = sum(person["trades"] for _, person in people)
    return known_sum(person["volume_e6"] for _, person in people) if trades else Fraction(0)


def _market(book: Book, protocol: str, market_key: str) -> dict[str, Any]:
    return {
        "protocol": protocol,
        "market": book.symbol(protocol, market_key),
        "market_key": market_key,
        "base_asset": book.base_asset(protocol, market_key),
    }


def market_volume_daily(book: Book) -> View:
    covered, people = coverage_daily(book), daily_traders(book)
    made = []
    for (day, protocol, market_key, kind), fills in grouped(
        book.rows["trade"], lambda t: (day_of(t.block_time), t.protocol, t.market_key, t.market_kind)
    ):
        word, fraction = covered[day, protocol]
        of_market = [(at, p) for at, p in people.items() if at[:4] == (day, protocol, market_key, kind)]
        known = _market_volume(fills, of_market, kind)
        row = {"day": day, "market_kind": kind, "coverage": word, "covered_fraction": fraction}
        made.append(row | _market(book, protocol, market_key) | (known if word != "none" else dict.fromkeys(known)))
    return made


def _market_volume(fills: list[Row], people: list[Any], kind: str) -> dict[str, Any]:
    net = [t for t in fills if t.excluded is None]
    forced = [t for t in net if t.is_liquidation]
    washed = dollars(_of_people([(at, p) for at, p in people if p["is_wash"]]))
    bases = known_sum(t.size_base for t in net)
    return {
        "volume_usd": sizes(net),
        "gross_volume_usd": sizes(fills),
        "organic_volume_usd": plus(sizes(net), None if washed is None else -washed) if kind == "perp" else None,
        "buy_volume_usd": side(net, "buy"),
        "sell_volume_usd": side(net, "sell"),
        "opened_volume_usd": side(net, "opened"),
        "closed_volume_usd": side(net, "closed"),
        "liquidation_volume_usd": sizes(forced),
        "size_base": bases if net else Fraction(0),
        "fees_usd": dollars(known_sum(paid(t)[0] for t in fills)),
        "trades": len(net),
        "traders": len({t.trader for t in net} - {None}),
        "liquidations": len(forced),
        "unsized_trades": count(t.size_usd_e6 is None for t in fills),
    }


def market_volume_hourly(book: Book) -> View:
    kept = (
        "volume_usd", "gross_volume_usd", "buy_volume_usd", "sell_volume_usd", "liquidation_volume_usd", "fees_usd",
        "trades", "unsized_trades",
    )  # fmt: skip
    made = []
    for (hour, protocol, market_key, kind), fills in grouped(
        book.rows["trade"], lambda t: (hour_of(t.block_time), t.protocol, t.market_key, t.market_kind)
    ):
        known = _market_volume(fills, [], kind)
        row = {"hour": hour, "market_kind": kind, **_market(book, protocol, market_key)}
        row["covered_fraction"] = covered_fraction(book, protocol, hour)
        made.append(row | {name: known[name] for name in kept})
    return made


def volume_hourly(book: Book) -> View:
    made = []
    for (hour, protocol), fills in grouped(book.rows["trade"], lambda t: (hour_of(t.block_time), t.protocol)):
        perp, spot = ([t for t in fills if t.market_kind == kind] for kind in ("perp", "spot"))
        net = [t for t in perp if t.excluded is None]
        made.append({
            "hour": hour,
            "protocol": protocol,
            "volume_usd": sizes(net),
            "gross_volume_usd": sizes(perp),
            "spot_volume_usd": sizes(t for t in spot if t.excluded is None),
            "trading_fees_usd": dollars(known_sum(paid(t)[0] for t in fills)),
            "trades": len(net),
            "liquidations": count(t.is_liquidation for t in net),
            "unsized_trades": count(t.size_usd_e6 is None for t in perp),
            "covered_fraction": covered_fraction(book, protocol, hour),
        })  # fmt: skip
    return made


def liquidity_sources_daily(book: Book) -> View:
    covered, made = coverage_daily(book), []
    net = [t for t in book.rows["trade"] if t.excluded is None]
    days = dict(grouped(net, lambda t: (day_of(t.block_time), t.protocol, t.market_kind)))
    for (day, protocol, kind), fills in days.items():
        all_of_it = known_sum(t.size_usd_e6 for t in fills)
        word = covered[day, protocol][0]
        for source, some in grouped(fills, _source):
            known = {
                "volume_usd": dollars(known_sum(t.size_usd_e6 for t in some)),
                "share": ratio(known_sum(t.size_usd_e6 for t in some), all_of_it, 6),
                "trades": len(some),
            }
            row = {"day": day, "protocol": protocol, "market_kind": kind, "liquidity_source": source, "coverage": word}
            made.append(row | (known if word != "none" else dict.fromkeys(known)))
    return made


def _source(t: Row) -> str:
    return "liquidation" if t.is_liquidation else t.liquidity_source or "unknown"


def _person(people: list[dict[str, Any]], of: dict[str, str]) -> dict[str, Any]:
    return {name: known_sum(person[column] for person in people) for name, column in of.items()}


MONEY = {
    "fees_usd": "fees_e6", "maker_fees_usd": "maker_fees_e6", "funding_usd": "funding_e6", "pnl_usd": "pnl_e6",
}  # fmt: skip
COUNTS = {
    "trades": "trades", "maker_trades": "maker_trades", "liquidations": "liquidations",
    "trades_without_pnl": "without_pnl",
}  # fmt: skip


def _traded(people: list[dict[str, Any]]) -> dict[str, Any]:
    money = {name: dollars(value) for name, value in _person(people, MONEY).items()}
    pnl = money["pnl_usd"]
    return {
        **money,
        **{name: sum(person[column] for person in people) for name, column in COUNTS.items()},
        "net_pnl_usd": None if pnl is None else pnl - (money["fees_usd"] or 0),
        "maker_volume_usd": dollars(_counted(people, "maker_trades", "maker_volume_e6")),
    }


def _counted(people: list[dict[str, Any]], rows: str, column: str) -> Fraction | None:
    return known_sum(p[column] for p in people) if sum(p[rows] for p in people) else Fraction(0)


def traders_daily(book: Book) -> View:
    covered = coverage_daily(book)
    return [
        {
            "day": day,
            "protocol": protocol,
            "trader": base58.encode(trader) if trader else None,
            "trader_bytes": trader,
            "market": book.symbol(protocol, market_key),
            "market_key": market_key,
            "market_kind": kind,
            "coverage": covered[day, protocol][0],
            "volume_usd": dollars(_counted([person], "trades", "volume_e6")),
            "is_wash": person["is_wash"],
            **_traded([person]),
        }
        for (day, protocol, market_key, kind, trader), person in daily_traders(book).items()
    ]


def traders(book: Book) -> View:
    made = []
    everybody = [Row(at=at, person=person) for at, person in daily_traders(book).items() if at[4]]
    for (protocol, trader), found in grouped(everybody, lambda row: (row.at[1], row.at[4])):
        days = [row.at[0] for row in found]
        of_kind = {kind: [row.person for row in found if row.at[3] == kind] for kind in ("perp", "spot")}
        made.append({
            "protocol": protocol,
            "trader": base58.encode(trader),
            "trader_bytes": trader,
            "first_day": min(days),
            "last_day": max(days),
            "days": len(set(days)),
            "markets": len({row.at[2] for row in found}),
            "volume_usd": dollars(_counted(of_kind["perp"], "trades", "volume_e6")),
            "spot_volume_usd": dollars(_counted(of_kind["spot"], "trades", "volume_e6")),
            "wash_days": len({row.at[0] for row in found if row.person["is_wash"]}),
            **_traded([row.person for row in found]),
        })  # fmt: skip
    return made


def _moved(people: list[dict[str, Any]]) -> dict[str, Any]:
    deposits = dollars(_counted(people, "deposits", "deposits_e6"))
    withdrawals = dollars(_counted(people, "withdrawals", "withdrawals_e6"))
    return {
        "deposits_usd": deposits,
        "withdrawals_usd": withdrawals,
        "net_flow_usd": None if deposits is None or withdrawals is None else deposits - withdrawals,
        "fees_usd": dollars(known_sum(person["fees_e6"] for person in people)),
        "deposits": sum(person["deposits"] for person in people),
        "withdrawals": sum(person["withdrawals"] for person in people),
        "unvalued_flows": sum(person["unvalued"] for person in people),
    }


def lp_providers_daily(book: Book) -> View:
    covered = coverage_daily(book)
    return [
        {
            "day": day,
            "protocol": protocol,
            "venue": venue,
            "venue_key": venue_key,
            "provider": base58.encode(provider) if provider else None,
            "provider_bytes": provider,
            "coverage": covered[day, protocol][0],
            **_moved([person]),
        }
        for (day, protocol, venue, venue_key, provider), person in daily_providers(book).items()
    ]


def lp_providers(book: Book) -> View:
    made = []
    everybody = [Row(at=at, person=person) for at, person in daily_providers(book).items() if at[4]]
    for (protocol, venue, venue_key, provider), found in grouped(everybody, lambda row: row.at[1:]):
        made.append({
            "protocol": protocol,
            "venue": venue,
            "venue_key": venue_key,
            "provider": base58.encode(provider),
            "provider_bytes": provider,
            "first_day": min(row.at[0] for row in found),
            "last_day": max(row.at[0] for row in found),
            **_moved([row.person for row in found]),
        })  # fmt: skip
    return made
