"""Every hourly rollup, recomputed of all rows."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Any

from tests.aggregates.book import Book, Row, grouped, hour_of, known_sum, newest
from tests.aggregates.plain_rows import (
    is_suspect,
    is_takeover_fee,
    paid,
    protocol_share,
    rewards,
    shares,
    value_e6,
)

Rollup = dict[tuple[Any, ...], dict[str, Any]]


def last(rows: Iterable[Row], name: str) -> Any:
    """The newest value that is told."""
    told = [row for row in rows if getattr(row, name) is not None]
    return getattr(max(told, key=newest), name) if told else None


def sums(rows: list[Row], **columns: Any) -> dict[str, Any]:
    """Column -> sum of what each row gives for it."""
    return {name: known_sum(of(row) for row in rows) for name, of in columns.items()}


def count(rows: Iterable[Any]) -> int:
    return sum(1 for row in rows if row)


def hourly_trades(book: Book) -> Rollup:
    def key(t: Row) -> tuple[Any, ...]:
        return (
            hour_of(t.block_time), t.protocol, t.market_key, t.market_kind, t.liquidity_source or "", t.execution or "",
            bool(t.is_liquidation), t.excluded or "",
        )  # fmt: skip

    return {at: _fills(book, rows) for at, rows in grouped(book.rows["trade"], key)}


def _fills(book: Book, rows: list[Row]) -> dict[str, Any]:
    def where(name: str, *words: str) -> Any:
        return lambda t: t.size_usd_e6 if getattr(t, name) in words else None

    return {
        "trades": len(rows),
        "unsized": count(t.size_usd_e6 is None for t in rows),
        "without_fee": count(t.fee_usd_e6 is None for t in rows),
        "deleveraged": count(t.is_adl for t in rows),
        **sums(
            rows,
            volume_e6=lambda t: t.size_usd_e6,
            buy_volume_e6=where("direction", "buy"),
            sell_volume_e6=where("direction", "sell"),
            opened_volume_e6=where("action", "open", "increase"),
            closed_volume_e6=where("action", "decrease", "close"),
            size_base=lambda t: t.size_base,
            fees_e6=lambda t: paid(t)[0],
            rebates_e6=lambda t: paid(t)[1],
            rewards_e6=rewards,
            taker_fees_e6=lambda t: None if t.taker_order_id is None else t.fee_usd_e6,
            base_fees_e6=lambda t: t.base_fee_usd_e6,
            price_impact_fees_e6=lambda t: t.price_impact_fee_usd_e6,
            borrow_fees_e6=lambda t: t.borrow_fee_usd_e6,
            liquidation_fees_e6=lambda t: t.liquidation_fee_usd_e6,
            venue_fees_e6=lambda t: t.venue_fee_usd_e6,
            lp_fees_e6=lambda t: shares(book, t)[0],
            protocol_fees_e6=lambda t: shares(book, t)[1],
            funding_e6=lambda t: t.funding_usd_e6,
            price_impact_e6=lambda t: t.price_impact_usd_e6,
            pnl_e6=lambda t: t.pnl_usd_e6,
        ),
    }


def hourly_swaps(book: Book) -> Rollup:
    def key(s: Row) -> tuple[Any, ...]:
        return (hour_of(s.block_time), s.protocol, s.market_key or "", s.venue, s.purpose or "", s.hop == 0)

    return {at: _swaps(book, rows) for at, rows in grouped(book.rows["swap"], key)}


def _swaps(book: Book, rows: list[Row]) -> dict[str, Any]:
    fit = [s for s in rows if not is_suspect(book, s)]
    return {
        "swaps": len(rows),
        "suspect": len(rows) - len(fit),
        "unvalued": count(s.value_usd_e6 is None for s in fit),
        "without_fee": count(s.fee_usd_e6 is None for s in fit),
        **sums(
            fit,
            volume_e6=lambda s: s.value_usd_e6,
            fees_e6=lambda s: None if s.fee_usd_e6 is None else max(s.fee_usd_e6, Fraction(0)),
            lp_fees_e6=lambda s: shares(book, s)[0],
            protocol_fees_e6=lambda s: protocol_share(book, s),
            price_impact_e6=lambda s: s.price_impact_usd_e6,
        ),
    }


def hourly_lp_flows(book: Book) -> Rollup:
    def key(f: Row) -> tuple[Any, ...]:
        return (hour_of(f.block_time), f.protocol, f.venue, f.venue_key, f.mint or b"", f.flow, f.internal)

    return {at: _flows(book, rows) for at, rows in grouped(book.rows["lp_flow"], key)}


def _flows(book: Book, rows: list[Row]) -> dict[str, Any]:
    values = [value_e6(book, f) for f in rows]
    return {
        "flows": len(rows),
        "unvalued": count(value is None for value in values),
        "without_fee": count(f.fee_usd_e6 is None for f in rows),
        "value_e6": known_sum(values),
        "vault_value_e6": known_sum(v for f, v in zip(rows, values, strict=True) if f.via is not None),
        "lp_mint": last(rows, "lp_mint"),
        "lp_price_usd": last(rows, "lp_price_usd"),
        **sums(
            rows,
            amount=lambda f: f.amount,
            lp_amount=lambda f: f.lp_amount,
            fees_e6=lambda f: None if f.fee_usd_e6 is None else max(f.fee_usd_e6, Fraction(0)),
            rebates_e6=lambda f: None if f.fee_usd_e6 is None else min(f.fee_usd_e6, Fraction(0)),
            lp_fees_e6=lambda f: shares(book, f)[0],
            protocol_fees_e6=lambda f: protocol_share(book, f),
        ),
    }


def hourly_fees(book: Book) -> Rollup:
    def key(f: Row) -> tuple[Any, ...]:
        return (hour_of(f.block_time), f.protocol, f.market_key or "", f.fee_kind)

    return {
        at: {
            "charges": len(rows),
            "unvalued": count(f.value_usd_e6 is None for f in rows),
            "fees_e6": known_sum(None if f.value_usd_e6 is None else max(f.value_usd_e6, Fraction(0)) for f in rows),
        }
        for at, rows in grouped(book.rows["fee"], key)
    }


def hourly_liquidations(book: Book) -> Rollup:
    def key(x: Row) -> tuple[Any, ...]:
        return (hour_of(x.block_time), x.protocol, x.market_key or "", x.liquidation_kind)

    return {
        at: {
            "liquidations": len(rows),
            "unvalued": count(x.value_usd_e6 is None for x in rows),
            "unpriced_fees": count(x.insurance_fee_usd_e6 is None and x.insurance_fee_amount is not None for x in rows),
            "unpriced_losses": count(
                x.socialised_loss_usd_e6 is None and x.socialised_loss_amount is not None for x in rows
            ),
            **sums(
                rows,
                value_e6=lambda x: x.value_usd_e6,
                insurance_fees_e6=lambda x: x.insurance_fee_usd_e6,
                separate_fees_e6=lambda x: None if is_takeover_fee(book, x) else x.insurance_fee_usd_e6,
                socialised_loss_e6=lambda x: x.socialised_loss_usd_e6,
            ),
        }
        for at, rows in grouped(book.rows["liquidation"], key)
    }


def _course(rows: list[Row]) -> dict[str, Any]:
    ordered = sorted(rows, key=newest)
    return {
        "observations": len(rows),
        "open": ordered[0].price_usd,
        "high": max(p.price_usd for p in rows),
        "low": min(p.price_usd for p in rows),
        "close": ordered[-1].price_usd,
        "close_at": int(ordered[-1].block_time),
    }


def hourly_token_prices(book: Book) -> Rollup:
    told = [p for p in book.rows["price_observation"] if p.mint is not None]
    return {
        at: {**_course(rows), "protocols": sorted({p.protocol for p in rows})}
        for at, rows in grouped(told, lambda p: (hour_of(p.block_time), p.mint))
    }


def hourly_market_prices(book: Book) -> Rollup:
    told = [p for p in book.rows["price_observation"] if p.market_key]
    return {
        at: _course(rows) for at, rows in grouped(told, lambda p: (hour_of(p.block_time), p.protocol, p.market_key))
    }


def hourly_funding_rates(book: Book) -> Rollup:
    def key(f: Row) -> tuple[Any, ...]:
        return (hour_of(f.block_time), f.protocol, f.market_key, f.rate_kind)

    return {
        at: {
            "rates": count(f.rate is not None for f in rows),
            "rates_long": count(f.rate_long is not None for f in rows),
            "rates_short": count(f.rate_short is not None for f in rows),
            "oracle_price_usd": last(rows, "oracle_price_usd"),
            **sums(
                rows,
                rate_sum=lambda f: f.rate,
                rate_long_sum=lambda f: f.rate_long,
                rate_short_sum=lambda f: f.rate_short,
            ),
        }
        for at, rows in grouped(book.rows["funding_rate"], key)
    }


def hourly_open_interest(book: Book) -> Rollup:
    def key(o: Row) -> tuple[Any, ...]:
        return (hour_of(o.block_time), o.protocol, o.market_key, o.side)

    def place(rows: list[Row], name: str, of: str) -> Any:
        return last([o for o in rows if getattr(o, of) is not None], name)

    return {
        at: {
            "observations": len(rows),
            "value_e6": last(rows, "value_usd_e6"),
            "value_slot": place(rows, "slot", "value_usd_e6"),
            "value_at": place(rows, "block_time", "value_usd_e6"),
            "size_base": last(rows, "size_base"),
            "size_at": place(rows, "block_time", "size_base"),
        }
        for at, rows in grouped(book.rows["open_interest"], key)
    }


def hourly_incentives(book: Book) -> Rollup:
    def key(i: Row) -> tuple[Any, ...]:
        return (hour_of(i.block_time), i.protocol, i.incentive_kind)

    return {
        at: {
            "grants": len(rows),
            "amount": known_sum(i.amount for i in rows),
            "supply_after": last(rows, "supply_after"),
        }
        for at, rows in grouped(book.rows["incentive"], key)
    }


def holding_of(observation: Row) -> bytes:
    return observation.mint or int(observation.part).to_bytes(2, "big")


def hourly_observations(book: Book) -> Rollup:
    def key(o: Row) -> tuple[Any, ...]:
        return (o.protocol, o.component, o.component_key, holding_of(o), hour_of(o.block_time))

    return {at: {"observations": len(rows)} for at, rows in grouped(book.rows["tvl_observation"], key)}
