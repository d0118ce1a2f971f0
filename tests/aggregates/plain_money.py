"""The views of fees, flows, and what stands beside them, recomputed of all rows."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Any

from indexer.core import base58
from tests.aggregates.book import Book, Row, day_of, dollars, grouped, hour_of, known_sum, plus, ratio, start_of, total
from tests.aggregates.plain_days import coverage_daily, covered_fraction, covered_spans, head
from tests.aggregates.plain_hours import (
    Rollup,
    count,
    hourly_incentives,
    hourly_lp_flows,
    hourly_market_prices,
    hourly_open_interest,
    hourly_swaps,
    hourly_token_prices,
)
from tests.aggregates.plain_rows import is_suspect, is_takeover_fee, paid, protocol_share, rewards, shares, value_e6
from tests.aggregates.plain_volume import View, days_of

ZERO = Fraction(0)


def positive(value: Fraction | None) -> Fraction | None:
    return None if value is None else max(value, ZERO)


def negative(value: Fraction | None) -> Fraction | None:
    return None if value is None else min(value, ZERO)


class Charge(Row):
    """One row that charges something: what it was for, who paid how much, who got it."""


def charges(book: Book) -> list[Charge]:
    """Every row that tells a fee, or should."""
    found = []
    for t in book.rows["trade"]:
        fees, back = paid(t)
        found.append(_charge(t, "trade", t.market_key, (fees, back, rewards(t)), shares(book, t), t.fee_usd_e6 is None))
    for s in book.rows["swap"]:
        if not is_suspect(book, s):
            fee = positive(s.fee_usd_e6)
            found.append(_charge(s, "swap", s.market_key, (fee, None, None), shares(book, s), fee is None))
    for f in book.rows["lp_flow"]:
        if f.fee_usd_e6 is not None:
            both = positive(f.fee_usd_e6), negative(f.fee_usd_e6), None
            found.append(_charge(f, "mint_burn", None, both, shares(book, f), False))
    for f in book.rows["fee"]:
        fee = positive(f.value_usd_e6)
        given = fee if f.fee_kind == "trigger" else None
        found.append(_charge(f, f.fee_kind, f.market_key, (fee, None, given), (None, None), fee is None))
    for x in book.rows["liquidation"]:
        fee = None if is_takeover_fee(book, x) else x.insurance_fee_usd_e6
        unpriced = x.insurance_fee_usd_e6 is None and x.insurance_fee_amount is not None
        if fee is not None or unpriced:
            found.append(_charge(x, "liquidation", x.market_key, (fee, None, None), (None, None), unpriced))
    return found


def _charge(row: Row, source: str, market: Any, sums: Any, split: Any, unknown: bool) -> Charge:
    """`sums`: fee, rebate, reward; `split`: liquidity providers' share, protocol's."""
    return Charge(
        block_time=row.block_time, protocol=row.protocol, market_key=market or None, source=source, fee=sums[0],
        back=sums[1], given=sums[2], lp=split[0], share=split[1], unknown=unknown,
    )  # fmt: skip


def fees_hourly(book: Book) -> View:
    made = []
    for (hour, protocol, market_key, source), rows in grouped(
        charges(book), lambda c: (hour_of(c.block_time), c.protocol, c.market_key, c.source)
    ):
        made.append({
            "hour": hour,
            "protocol": protocol,
            "market": book.symbol(protocol, market_key),
            "market_key": market_key,
            "fee_source": source,
            "fees_usd": dollars(known_sum(c.fee for c in rows)),
            "net_fees_usd": dollars(_net(rows)),
            "lp_fees_usd": dollars(known_sum(c.lp for c in rows)),
            "protocol_fees_usd": dollars(known_sum(c.share for c in rows)),
            "unknown_fees": count(c.unknown for c in rows),
            "covered_fraction": covered_fraction(book, protocol, hour),
        })  # fmt: skip
    return made


def _net(rows: list[Charge]) -> Fraction | None:
    fees = known_sum(c.fee for c in rows)
    back, given = (known_sum(getattr(c, name) for c in rows) or ZERO for name in ("back", "given"))
    return None if fees is None else fees + back - given


def fees_daily(book: Book) -> View:
    kinds = {kind: days_of(book, kind) for kind in ("trade", "swap", "lp_flow", "fee", "liquidation")}
    made = []
    for at, (word, fraction) in coverage_daily(book).items():
        known = _fees(book, {kind: days.get(at, []) for kind, days in kinds.items()})
        row = {"day": at[0], "protocol": at[1], "coverage": word, "covered_fraction": fraction}
        made.append(row | (known if word != "none" else dict.fromkeys(known)))
    return made


def _fees(book: Book, rows: dict[str, list[Row]]) -> dict[str, Any]:
    fills = rows["trade"]
    swaps = [s for s in rows["swap"] if not is_suspect(book, s)]
    flows = [f for f in rows["lp_flow"] if f.fee_usd_e6 is not None]
    unpriced = [x for x in rows["liquidation"] if x.insurance_fee_usd_e6 is None and x.insurance_fee_amount is not None]
    insurance = [x.insurance_fee_usd_e6 for x in rows["liquidation"] if not is_takeover_fee(book, x)]
    perp = [t for t in fills if t.market_kind == "perp"]
    parts = {
        "trading_fees_usd": total(paid(t)[0] for t in fills),
        "swap_fees_usd": total(positive(s.fee_usd_e6) for s in swaps),
        "mint_burn_fees_usd": total(positive(f.fee_usd_e6) for f in flows),
        "trigger_fees_usd": total(positive(f.value_usd_e6) for f in rows["fee"]),
        "insurance_fees_usd": known_sum(insurance) or ZERO,
    }
    gross = plus(*parts.values())
    back = (known_sum(paid(t)[1] for t in fills) or ZERO) + (known_sum(negative(f.fee_usd_e6) for f in flows) or ZERO)
    triggers = known_sum(positive(f.value_usd_e6) for f in rows["fee"] if f.fee_kind == "trigger") or ZERO
    given = (known_sum(rewards(t) for t in fills) or ZERO) + triggers
    lp = known_sum([*(shares(book, r)[0] for r in (*fills, *swaps, *flows))])
    protocols = known_sum([*(shares(book, t)[1] for t in fills), *(protocol_share(book, r) for r in (*swaps, *flows))])
    split = bool(fills or swaps or flows)
    forced = [t for t in fills if t.is_liquidation]
    columns = {
        **parts,
        "fees_usd": gross,
        "net_fees_usd": None if gross is None else gross + back - given,
        "lp_fees_usd": lp if split else ZERO,
        "protocol_fees_usd": protocols if split else ZERO,
        "unsplit_fees_usd": None if gross is None else gross - (lp or ZERO) - (protocols or ZERO),
        "base_fees_usd": total(t.base_fee_usd_e6 for t in fills),
        "price_impact_fees_usd": total(t.price_impact_fee_usd_e6 for t in fills),
        "borrow_fees_usd": total(t.borrow_fee_usd_e6 for t in fills),
        "liquidation_fees_usd": known_sum(t.liquidation_fee_usd_e6 for t in fills) if forced else ZERO,
        "venue_fees_usd": total(t.venue_fee_usd_e6 for t in fills),
        "rebates_usd": back,
        "rewards_usd": given,
    }
    volume = known_sum(t.size_usd_e6 for t in perp if t.excluded is None)
    paid_on_perp = known_sum(paid(t)[0] for t in perp)
    return {name: dollars(value) for name, value in columns.items()} | {
        "effective_fee_bps": ratio(None if paid_on_perp is None else 10_000 * paid_on_perp, volume, 6),
        "trades_without_fee": count(t.fee_usd_e6 is None for t in fills),
        "other_rows_without_fee": count(s.fee_usd_e6 is None for s in swaps)
        + count(f.value_usd_e6 is None for f in rows["fee"])
        + len(unpriced),
    }


def lp_flows_hourly(book: Book) -> View:
    return [
        {
            "hour": hour,
            "protocol": protocol,
            "venue": venue,
            "venue_key": venue_key,
            "mint": base58.encode(mint) if mint else None,
            "symbol": book.token_symbol(mint),
            "flow": flow,
            "internal": internal,
            "value_usd": dollars(row["value_e6"]),
            "amount": row["amount"],
            "lp_amount": row["lp_amount"],
            "lp_price_usd": row["lp_price_usd"],
            "fees_usd": dollars(row["fees_e6"]),
            "vault_value_usd": dollars(row["vault_value_e6"]),
            "flows": row["flows"],
            "unvalued_flows": row["unvalued"],
            "covered_fraction": covered_fraction(book, protocol, hour),
        }
        for (hour, protocol, venue, venue_key, mint, flow, internal), row in hourly_lp_flows(book).items()
    ]


def lp_flows_daily(book: Book) -> View:
    venues = {(f.protocol, f.venue) for f in book.rows["lp_flow"]}
    days = dict(grouped(book.rows["lp_flow"], lambda f: (day_of(f.block_time), f.protocol, f.venue)))
    made = []
    for (day, protocol), (word, fraction) in coverage_daily(book).items():
        for venue in [name for owner, name in venues if owner == protocol]:
            known = _flows(book, days.get((day, protocol, venue), []))
            row = {"day": day, "protocol": protocol, "venue": venue, "coverage": word, "covered_fraction": fraction}
            made.append(row | (known if word != "none" else dict.fromkeys(known)))
    return made


def _flows(book: Book, flows: list[Row]) -> dict[str, Any]:
    def moved(word: str, *, external: bool) -> Fraction | None:
        some = [f for f in flows if f.flow == word and not (external and f.internal)]
        return dollars(total(value_e6(book, f) for f in some))

    def less(left: Fraction | None, right: Fraction | None) -> Fraction | None:
        return None if left is None or right is None else left - right

    put, took = moved("deposit", external=False), moved("withdraw", external=False)
    put_in, took_out = moved("deposit", external=True), moved("withdraw", external=True)
    charged = [f for f in flows if f.fee_usd_e6 is not None]
    return {
        "deposits_usd": put,
        "withdrawals_usd": took,
        "net_flow_usd": less(put, took),
        "external_deposits_usd": put_in,
        "external_withdrawals_usd": took_out,
        "external_net_flow_usd": less(put_in, took_out),
        "fees_usd": dollars(total(positive(f.fee_usd_e6) for f in charged)),
        "deposits": count(f.flow == "deposit" for f in flows),
        "withdrawals": count(f.flow == "withdraw" for f in flows),
        "unvalued_flows": count(value_e6(book, f) is None for f in flows),
    }


def token_prices_hourly(book: Book) -> View:
    return [
        {
            "hour": hour,
            "mint": base58.encode(mint),
            "symbol": book.token_symbol(mint),
            "mint_bytes": mint,
            **_prices(row),
            "protocols": row["protocols"],
        }
        for (hour, mint), row in hourly_token_prices(book).items()
    ]


def _prices(row: dict[str, Any]) -> dict[str, Any]:
    usd = {f"{name}_usd": row[name] for name in ("open", "high", "low", "close")}
    return {**usd, "close_at": row["close_at"], "observations": row["observations"]}


def _named(book: Book, protocol: str, market_key: str | None) -> dict[str, Any]:
    return {
        "protocol": protocol,
        "market": book.symbol(protocol, market_key),
        "market_key": market_key,
        "base_asset": book.base_asset(protocol, market_key),
    }


def market_prices_hourly(book: Book) -> View:
    return [
        {"hour": hour, **_named(book, protocol, key), **_prices(row)}
        for (hour, protocol, key), row in hourly_market_prices(book).items()
    ]


RATES = ("rate", "rate_long", "rate_short")


def funding_daily(book: Book) -> View:
    days: dict[tuple[Any, ...], list[list[Row]]] = {}
    told = book.rows["funding_rate"]
    for (hour, *rest), rows in grouped(told, lambda f: (hour_of(f.block_time), f.protocol, f.market_key, f.rate_kind)):
        days.setdefault((day_of(hour), *rest), []).append(rows)
    return [
        {
            "day": day,
            **_named(book, protocol, key),
            "rate_kind": kind,
            **{f"mean_{name}": _mean((_of_hour(rows, name) for rows in hours), 12) for name in RATES},
            "hours": count(any(_of_hour(rows, name) is not None for name in RATES) for rows in hours),
            "rates": count(f.rate is not None for rows in hours for f in rows),
        }
        for (day, protocol, key, kind), hours in days.items()
    ]


def _of_hour(rows: list[Row], name: str) -> Fraction | None:
    return _mean((getattr(f, name) for f in rows), 18)


def _mean(values: Iterable[Any], places: int) -> Fraction | None:
    known = [value for value in values if value is not None]
    return ratio(sum(known), len(known), places)


def open_interest_daily(book: Book) -> View:
    hours = {at: row for at, row in hourly_open_interest(book).items() if row["value_e6"] is not None}
    made = []
    for (day, protocol), (word, _) in coverage_daily(book).items():
        for key in sorted({market for _, name, market, _ in hours if name == protocol}):
            long, short = (_held(book, hours, day, protocol, key, side) for side in ("long", "short"))
            both = plus(long, short)
            made.append({
                "day": day,
                **_named(book, protocol, key),
                "coverage": word,
                "long_usd": dollars(long),
                "short_usd": dollars(short),
                "open_interest_usd": dollars(both),
                "skew": None if long is None or short is None else ratio(long - short, both, 6),
            })  # fmt: skip
    return made


def _held(book: Book, hours: Rollup, day: Any, protocol: str, key: str, side: str) -> Fraction | None:
    """What was last told by the end of the day, if every slot since is settled up to there."""
    end, covered = start_of(day) + 86_400, head(book, protocol)
    told = [at for at in hours if at[1:] == (protocol, key, side) and at[0] < end]
    if not told or covered is None:
        return None
    moment, row = min(end, covered), hours[max(told)]
    if protocol != "gmx_solana":  # Readings grow old.
        fresh = row["value_at"] + book.parameter("price_max_age_s") > moment > start_of(day)
        return row["value_e6"] if fresh else None
    for (stream, first), span in covered_spans(book).items():
        if stream == protocol and first <= row["value_slot"] < span["behind_slot"] and span["ends_at"] is not None:
            return row["value_e6"] if span["ends_at"] >= moment > start_of(day) else None
    return None


def liquidations_daily(book: Book) -> View:
    covered, made = coverage_daily(book), []
    for (day, protocol, key, kind), rows in grouped(
        book.rows["liquidation"],
        lambda x: (day_of(x.block_time), x.protocol, x.market_key or None, x.liquidation_kind),
    ):
        word = covered[day, protocol][0]
        known = {
            "value_usd": dollars(known_sum(x.value_usd_e6 for x in rows)),
            "insurance_fees_usd": dollars(known_sum(x.insurance_fee_usd_e6 for x in rows)),
            "socialised_loss_usd": dollars(known_sum(x.socialised_loss_usd_e6 for x in rows)),
            "liquidations": len(rows),
            "unvalued_liquidations": count(x.value_usd_e6 is None for x in rows),
        }
        row = {"day": day, **_named(book, protocol, key), "liquidation_kind": kind, "coverage": word}
        made.append(row | (known if word != "none" else dict.fromkeys(known)))
    return made


def swaps_hourly(book: Book) -> View:
    return [
        {
            "hour": hour,
            "protocol": protocol,
            "market": book.symbol(protocol, key or None),
            "market_key": key or None,
            "venue": venue,
            "purpose": purpose or None,
            "is_first_hop": first,
            "volume_usd": dollars(row["volume_e6"]),
            "fees_usd": dollars(row["fees_e6"]),
            "price_impact_usd": dollars(row["price_impact_e6"]),
            "swaps": row["swaps"],
            "suspect_swaps": row["suspect"],
            "unvalued_swaps": row["unvalued"],
            "covered_fraction": covered_fraction(book, protocol, hour),
        }
        for (hour, protocol, key, venue, purpose, first), row in hourly_swaps(book).items()
    ]


def incentives_daily(book: Book) -> View:
    days: dict[tuple[Any, ...], list[tuple[int, dict[str, Any]]]] = {}
    for (hour, *rest), row in hourly_incentives(book).items():
        days.setdefault((day_of(hour), *rest), []).append((hour, row))
    made, covered = [], coverage_daily(book)
    for (day, protocol, kind), rows in days.items():
        told = [(hour, row["supply_after"]) for hour, row in rows if row["supply_after"] is not None]
        word, fraction = covered.get((day, protocol), ("none", ZERO))
        known = {
            "amount": known_sum(row["amount"] for _, row in rows),
            "supply_after": max(told)[1] if told else None,
            "grants": sum(row["grants"] for _, row in rows),
        }
        row = {"day": day, "protocol": protocol, "incentive_kind": kind, "coverage": word, "covered_fraction": fraction}
        made.append(row | (known if word != "none" else dict.fromkeys(known)))
    return made
