"""What a row alone does not tell: the price of its time, whom it belongs to, who got its fee. By plain search."""

from __future__ import annotations

from fractions import Fraction
from statistics import median_low

from tests.aggregates.book import HOUR, Book, Row, half_even, newest


def price_before(book: Book, mint: bytes | None, at: int) -> Fraction | None:
    """The newest price told at `at` or before it, if it is not too old."""
    longest = book.parameter("price_max_age_s")
    told = [p for p in book.prices.get(mint or b"", ()) if at - longest < p.block_time <= at]
    return max(told, key=newest).price_usd if told else None


def protocol_share(book: Book, row: Row) -> Fraction | None:
    if row.protocol != "jupiter_perps" or row.fee_usd_e6 is None:
        return None
    share = book.parameters.get(("jupiter_perps", "protocol_share_bps"))
    return None if share is None else half_even(row.fee_usd_e6 * share / 10_000, 0)


def shares(book: Book, row: Row) -> tuple[Fraction | None, Fraction | None]:
    """(liquidity providers', protocol's) part of a fee."""
    protocols = protocol_share(book, row)
    providers = None if protocols is None else row.fee_usd_e6 - protocols
    told = getattr(row, "lp_fee_usd_e6", None), getattr(row, "protocol_fee_usd_e6", None)
    return (providers if told[0] is None else told[0], protocols if told[1] is None else told[1])


def is_suspect(book: Book, swap: Row) -> bool:
    near = [
        p
        for p in book.prices.get(swap.mint_in or b"", ())
        if swap.block_time - HOUR < p.block_time <= swap.block_time
        and (p.slot, p.signature) != (swap.slot, swap.signature)
    ]
    if not near or not swap.amount_in or swap.value_usd_e6 is None:
        return False
    price = median_low(p.price_usd for p in sorted(near, key=newest)[-9:])
    return price != 0 and bool(abs(swap.value_usd_e6 / 1_000_000 / (swap.amount_in * price) - 1) > Fraction(1, 2))


def value_e6(book: Book, flow: Row) -> Fraction | None:
    if flow.value_usd_e6 is not None or flow.venue not in ("drift_vault", "drift_insurance"):
        return flow.value_usd_e6
    price = price_before(book, flow.mint, flow.block_time)
    return None if price is None or flow.amount is None else half_even(flow.amount * price * 1_000_000, 0)


def owner(book: Book, flow: Row) -> bytes | None:
    if flow.provider is not None or flow.action_key is None:
        return flow.provider
    told = [
        a
        for a in (*book.rows["action"], *book.untimed["action"])
        if (a.action_key, a.protocol) == (flow.action_key, flow.protocol)
        and a.owner is not None
        and a.action_kind not in ("order", "position_request")
    ]
    nearest = min(told, key=lambda a: (abs(a.slot - flow.slot), -a.slot), default=None)
    if nearest is None:
        return None
    equal = [a for a in told if a.slot == nearest.slot]
    return max(equal, key=lambda a: (a.signature, a.channel, a.index, a.part)).owner


def is_takeover_fee(book: Book, liquidation: Row) -> bool:
    """Whether the insurance fee lies in the fee of a fill of the same transaction."""
    return any(
        fill.liquidity_source == "takeover"
        and fill.sequence is not None
        and (fill.slot, fill.signature, fill.protocol, fill.market_key, fill.block_time, fill.sequence)
        == (
            liquidation.slot,
            liquidation.signature,
            liquidation.protocol,
            liquidation.market_key,
            liquidation.block_time,
            liquidation.sequence,
        )
        for fill in book.rows["trade"]
    )


def paid(fill: Row) -> tuple[Fraction | None, Fraction | None]:
    """(fees, rebates) of trader and maker together."""
    both = [fee for fee in (fill.fee_usd_e6, fill.maker_fee_usd_e6) if fee is not None]
    if not both:
        return None, None
    return sum((max(fee, Fraction(0)) for fee in both), Fraction(0)), sum(
        (min(f, Fraction(0)) for f in both), Fraction(0)
    )


def rewards(fill: Row) -> Fraction | None:
    told = [fill.filler_reward_usd_e6, fill.referrer_reward_usd_e6, fill.builder_fee_usd_e6]
    known = [reward for reward in told if reward is not None]
    return sum(known, Fraction(0)) if known else None
