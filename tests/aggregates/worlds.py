"""Random ledgers by seed: ten days of three protocols, written as a live system writes them, and worse.

Pages settle spans or settle nothing, come late, twice, with other rows than before; a settling page lacks what a
provisional one had; reprocess makes other records of the same bytes; accounts are read; a parameter changes. A slot
takes 12 seconds, so that days, gaps and ages matter in a small world.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import partial
from random import Random
from typing import Any

import msgspec

from indexer.core.coverage import Span
from indexer.core.protocol import Processed
from indexer.core.record import (
    Fee,
    FundingRate,
    Incentive,
    Liquidation,
    OpenInterest,
    Origin,
    PriceObservation,
    Record,
    TvlObservation,
)
from indexer.core.reference import Market, Reference, Token
from indexer.store.base import Page
from indexer.store.postgres import PostgresStore
from tests.store.ledger import action, event, flow, key, swap, trade

STREAMS = ("drift", "gmx_solana", "jupiter_perps")
SLOTS, SLOT_S = 72_000, 12
START = 1_699_574_400  # 2023-11-10T00:00:00Z
MINTS = [key(n) for n in (50, 51, 52)]
TRADERS = [key(n) for n in (1, 2, 3)]
COLLATERALS = {TRADERS[0]: 100_000, TRADERS[1]: 400_000}  # Of the third nobody knows it.
MARKETS = {"drift": ("perp:0", "spot:1"), "gmx_solana": ("gm1", "gm2"), "jupiter_perps": ("sol",)}
HOLDINGS = {
    "drift": (
        ("lending", "spot:1"),
        ("lending", "spot:2"),
        ("insurance_fund", "spot:15"),
        ("strategy_vault", "v"),
        ("strategy_vault_spot", "v"),
    ),
    "gmx_solana": (("pool", "gm1"), ("pool", "gm2"), ("glv", "glv1")),
    "jupiter_perps": (("pool", "pool1"), ("custody", "sol")),
}
REFERENCE = Reference(
    [
        Market(protocol="drift", market_key="perp:0", market_kind="perp", symbol="SOL-PERP", base_asset="SOL"),
        Market(protocol="gmx_solana", market_key="gm1", market_kind="perp", symbol="SOL/USD", base_asset="SOL"),
    ],
    [Token(mint=MINTS[0], symbol="USDC", decimals=6)],
)


def time_of(slot: int) -> int:
    """Not at full hours, and not regular."""
    return START + slot * SLOT_S + slot * 7919 % 9


class World:
    def __init__(self, seed: int) -> None:
        self.dice = Random(seed)
        self.late = self.dice.random() < 0.5  # Whether pages come in any order, or mostly in that of time.
        self.done = 0
        self.waiting: list[tuple[int, bytes]] = []  # Slots and tokens of flows and swaps that a price may change.

    def maybe(self, chance: float) -> bool:
        return self.dice.random() < chance

    def number(self, largest: int = 40) -> int | None:
        """Micro-dollars in halves of dollars, sometimes unknown, sometimes an odd one."""
        if self.maybe(0.1):
            return None
        return self.dice.randrange(largest) * 500_000 + (self.dice.randrange(7) if self.maybe(0.3) else 0)

    def amount(self) -> Decimal | None:
        return self.dice.choice([None, Decimal(0)]) if self.maybe(0.15) else Decimal(self.dice.randrange(40)) / 8

    def origin(self, protocol: str, slot: int, *, settled: bool) -> Origin:
        known = settled or self.maybe(0.3)
        time = time_of(slot) if known else self.dice.choice([None, *(time_of(slot) + n for n in (-4000, -3, 0, 2))])
        number = self.dice.randrange(3) + 10 * STREAMS.index(protocol)
        return Origin(
            protocol=protocol,
            program_id=key(7),
            slot=slot,
            signature=number.to_bytes(64, "big"),
            channel="log",
            index=self.dice.randrange(6),
            tx_index=number if known else None,
            block_time=time,
            event="Event",
        )

    def record(self, origin: Origin) -> Record:
        makers = (
            self.trade, self.trade, self.trade, self.swap, self.swap, self.swap, self.flow, self.flow, self.tvl,
            self.tvl, self.price, self.price, self.single, self.liquidation, self.action, self.rate, self.interest,
            self.incentive,
        )  # fmt: skip
        return self.dice.choice(makers)(origin)

    def trade(self, origin: Origin) -> Record:
        dice, protocol = self.dice, origin.protocol
        has_taker = self.maybe(0.7)
        values: dict[str, Any] = {
            "market_key": dice.choice(MARKETS[protocol]),
            "trader": dice.choice([*TRADERS, None]),
            "counterparty": dice.choice([*TRADERS, None, None]),
            "direction": dice.choice(["buy", "sell", None]),
            "action": dice.choice(["open", "increase", "decrease", "close", None]),
            "size_usd_e6": self.number(),
            "size_base": self.amount(),
            "fee_usd_e6": dice.choice([None, -30_000, 0, 50_000, 70_001]),
            "maker_fee_usd_e6": dice.choice([None, None, -10_000, 20_000]),
            "filler_reward_usd_e6": dice.choice([None, 1000]),
            "builder_fee_usd_e6": dice.choice([None, 300]),
            "base_fee_usd_e6": dice.choice([None, 40_000]),
            "price_impact_fee_usd_e6": dice.choice([None, 10_000]),
            "borrow_fee_usd_e6": dice.choice([None, 5000]),
            "liquidation_fee_usd_e6": dice.choice([None, 25_000]),
            "funding_usd_e6": dice.choice([None, -7000, 9000]),
            "pnl_usd_e6": dice.choice([None, -900_000, 1_200_000]),
            "liquidity_source": dice.choice(["pool", "amm", "takeover", None]),
            "execution": dice.choice(["instant", "keeper", None]),
            "is_liquidation": dice.choice([True, False, False, None]),
            "is_adl": dice.choice([True, False, None]),
            "excluded": dice.choice([None, None, None, "expiry", "collateral_only"]),
            "position_key": dice.choice([key(80 + dice.randrange(12)), None]),
            "sequence": dice.choice([None, 1, 2]),
            "taker_order_id": 5 if has_taker else None,
        }
        values["market_kind"] = "spot" if values["market_key"].startswith("spot") else "perp"
        if protocol == "gmx_solana":
            values["collateral_usd_e6"] = COLLATERALS.get(values["trader"]) if self.maybe(0.8) else 0
            values["lp_fee_usd_e6"], values["protocol_fee_usd_e6"] = dice.choice([(None, None), (30_000, 20_000)])
        return trade(origin, **values)

    def swap(self, origin: Origin) -> Record:
        dice = self.dice
        return swap(
            origin,
            market_key="gm1" if origin.protocol == "gmx_solana" and self.maybe(0.7) else None,
            venue={"drift": "drift", "gmx_solana": "gm", "jupiter_perps": "jlp"}[origin.protocol],
            mint_in=dice.choice([*MINTS, None]),
            amount_in=self.amount(),
            value_usd_e6=self.number(20),
            fee_usd_e6=dice.choice([None, 3, 1001]),
            price_impact_usd_e6=dice.choice([None, -5]),
            purpose=dice.choice(["swap", "swap", "lp", None]),
            hop=dice.choice([0, 0, 1, None]),
        )

    def flow(self, origin: Origin) -> Record:
        dice = self.dice
        venue = dice.choice({
            "drift": ("drift_vault", "drift_insurance", "drift_lending"),
            "gmx_solana": ("gm", "glv"),
            "jupiter_perps": ("jlp",),
        }[origin.protocol])  # fmt: skip
        has_lp = venue in ("gm", "glv", "jlp")
        return flow(
            origin,
            part=dice.randrange(2),
            venue=venue,
            venue_key={"gm": "gm1", "glv": "glv1", "jlp": "pool1"}.get(venue, "spot:1"),
            flow=dice.choice(["deposit", "withdraw"]),
            provider=dice.choice([*TRADERS, None]),
            mint=dice.choice([*MINTS, None]),
            amount=self.amount(),
            value_usd_e6=None if venue == "drift_vault" or self.maybe(0.3) else self.number(),
            lp_mint=key(60) if has_lp and self.maybe(0.9) else None,
            lp_amount=self.amount(),
            lp_price_usd=Decimal(dice.randrange(8, 40)) / 8 if has_lp and self.maybe(0.8) else None,
            fee_usd_e6=dice.choice([None, -500, 2001]),
            action_key=dice.choice([key(90 + dice.randrange(4)), None]),
            via=dice.choice([key(95), None, None]),
            internal=venue in ("drift_vault", "glv") or self.maybe(0.2),
        )

    def tvl(self, origin: Origin) -> Record:
        component, of = self.dice.choice(HOLDINGS[origin.protocol])
        return self.told(origin, component, of, self.dice.randrange(2))

    def told(self, origin: Origin, component: str, of: str, side: int) -> Record:
        part = side if component in ("pool", "strategy_vault_spot") and origin.protocol != "jupiter_perps" else 0
        whole = component == "glv" or of == "pool1" or self.maybe(0.03)
        mint = None if whole else MINTS[part] if of != "gm2" else MINTS[0]
        return TvlObservation(
            origin=origin,
            part=part,
            component=component,
            component_key=of,
            mint=mint,
            amount=None if whole else self.amount(),
            deposits=self.amount() if component == "lending" else None,
            value_usd_e6=self.number() if whole or self.maybe(0.5) else None,
            value_origin=self.dice.choice(["event", "event", "recomputed"]),
        )

    def price(self, origin: Origin) -> Record:
        mint = self.dice.choice([*MINTS[:2], MINTS[0], MINTS[1], key(60), None])
        return PriceObservation(
            origin=origin,
            part=self.dice.randrange(3),
            mint=mint,
            market_key=self.dice.choice(MARKETS[origin.protocol]) if mint is None or self.maybe(0.3) else None,
            price_usd=Decimal(self.dice.randrange(1, 60)) / 16,
            value_origin="event",
        )

    def single(self, origin: Origin) -> Record:
        market, kind = self.dice.choice(MARKETS[origin.protocol]), self.dice.choice(["trigger", "other"])
        return Fee(origin=origin, market_key=market, fee_kind=kind, value_usd_e6=self.number(5))

    def liquidation(self, origin: Origin) -> Record:
        dice = self.dice
        return Liquidation(
            origin=origin,
            liquidation_kind=dice.choice(["perp", "spot", "spot_bankruptcy"]),
            market_key=dice.choice([*MARKETS[origin.protocol], None]),
            value_usd_e6=self.number(),
            insurance_fee_usd_e6=dice.choice([None, 400, 900]),
            insurance_fee_amount=dice.choice([None, Decimal(3)]),
            socialised_loss_usd_e6=dice.choice([None, 77]),
            socialised_loss_amount=dice.choice([None, Decimal(4)]),
            sequence=dice.choice([None, 1, 2]),
        )

    def action(self, origin: Origin) -> Record:
        dice = self.dice
        return action(
            origin,
            action_key=key(90 + dice.randrange(4)),
            action_kind=dice.choice(["deposit", "withdrawal", "order"]),
            owner=dice.choice([*TRADERS, None]),
            market_key="gm1",
        )

    def rate(self, origin: Origin) -> Record:
        rates = [None, Decimal("0.0001"), Decimal("-0.00003")]
        return FundingRate(
            origin=origin,
            market_key=MARKETS[origin.protocol][0],
            rate_kind=self.dice.choice(["funding", "borrow"]),
            rate=self.dice.choice(rates),
            rate_long=self.dice.choice(rates),
            rate_short=self.dice.choice(rates),
            oracle_price_usd=self.dice.choice([None, Decimal(3)]),
        )

    def interest(self, origin: Origin) -> Record:
        return OpenInterest(
            origin=origin,
            part=self.dice.randrange(2),
            market_key=MARKETS[origin.protocol][0],
            side=self.dice.choice(["long", "short"]),
            value_usd_e6=self.number(),
            size_base=self.amount(),
        )

    def incentive(self, origin: Origin) -> Record:
        return Incentive(
            origin=origin,
            incentive_kind=self.dice.choice(["gt_mint", "fuel"]),
            amount=Decimal(self.dice.randrange(9)),
            supply_after=self.dice.choice([None, Decimal(self.dice.randrange(99))]),
        )

    def span(self) -> Span:
        """Mostly the next days, sometimes any."""
        length = self.dice.randrange(1, 16_000)
        if self.late or self.maybe(0.2):
            start = self.dice.randrange(SLOTS)
        else:
            start, self.done = self.done % SLOTS, self.done + length
        return Span(start, min(SLOTS, start + length))

    def slot(self, span: Span) -> int:
        """One of few, so that pages meet."""
        return min(max(span.start, self.dice.randrange(span.start, span.end) // 500 * 500), span.end - 1)

    def page(self) -> Page:
        span = self.span()
        settles = [name for name in STREAMS if self.maybe(0.75)]
        records: list[Record] = []
        for _ in range(self.dice.randrange(40)):
            protocol, slot = self.dice.choice(STREAMS), self.slot(span)
            records.append(self.record(self.origin(protocol, slot, settled=protocol in settles)))
            records += self.company(records[-1])
        anchors = [slot for slot in (span.start, span.end - 1) if self.maybe(0.8)]
        anchors += [self.dice.randrange(span.start, span.end) for _ in range(self.dice.randrange(4))]
        return paged(records, {name: [span] for name in settles}, anchors)

    def company(self, record: Record) -> list[Record]:
        """What often stands beside it: its payload, the fill of a liquidation, a price that a swap does not fit."""
        origin, found = record.origin, []
        if self.maybe(0.3):
            found.append(event(origin))
        if isinstance(record, Liquidation) and record.market_key and self.maybe(0.5):
            sequence = self.dice.choice([record.sequence, 1])
            values = {"market_key": record.market_key, "sequence": sequence, "liquidity_source": "takeover"}
            found.append(trade(origin, **values, is_liquidation=True, fee_usd_e6=90_000))
        if record.kind == "swap" and self.maybe(0.6):
            for number in range(self.dice.randrange(1, 4)):
                beside = changed(origin, signature=bytes([9, number]) + origin.signature[2:])
                found.append(changed(self.price(beside), mint=record.mint_in or MINTS[0], part=number))  # type: ignore[attr-defined]
        mint = getattr(record, "mint_in", None) or getattr(record, "mint", None)
        if mint and record.kind in ("swap", "lp_flow"):
            self.waiting.append((origin.slot, mint))
        return found

    def steady(self, name: str) -> Page:
        """One stream, seen whole, with what a protocol that lives tells every few hours."""
        records: list[Record] = []
        for slot in range(0, SLOTS, 2400):
            for number, (component, of) in enumerate(HOLDINGS[name]):
                if slot == 0 or self.maybe(0.3):
                    for side in (0, 1):
                        beside = changed(self.origin(name, slot, settled=True), index=10 + number)
                        records.append(self.told(beside, component, of, side))
            told = [(number, mint) for number, mint in enumerate(MINTS[:2]) if self.maybe(0.4)]
            for number, mint in told:
                price = self.price(changed(self.origin(name, slot, settled=True), index=30 + number))
                records.append(changed(price, mint=mint, part=0))
            for make in (self.trade, self.flow):
                records.append(make(self.origin(name, slot, settled=True)))
        return paged(records, {name: [Span(0, SLOTS)]}, range(0, SLOTS, 150))

    def accounts(self) -> Page:
        """Readings of accounts: amounts, values and prices, of any slot; prices also shortly before what needs one."""
        found = []
        for _ in range(self.dice.randrange(1, 6)):
            slot, mint = self.dice.randrange(SLOTS), None
            if self.waiting and self.maybe(0.7):
                slot, mint = self.dice.choice(self.waiting)
                slot = max(0, slot - self.dice.randrange(290))
            origin = changed(self.origin(self.dice.choice(STREAMS), slot, settled=True), channel="account")
            if mint is not None:
                found.append(changed(self.price(origin), mint=mint))
            else:
                found.append(self.dice.choice([self.tvl, self.tvl, self.price, self.rate])(origin))
        return paged(found, {}, ())

    async def reprocess(self, store: PostgresStore) -> None:
        """Of some transactions, other records of the same bytes."""
        span = self.span()
        stored = await store.stored(span)
        kept = [row for tx in stored for row in tx.events if self.maybe(0.8)]
        records = [self.record(row.origin) for row in kept for _ in range(self.dice.randrange(3))]
        await store.replace(span, stored, Processed(kept, records, []))

    def pages(self) -> Iterator[Page]:
        """As a live system writes; what lives steadily is seen at any time; at the end most of what was missing."""
        pages = [self.page for _ in range(self.dice.randrange(10, 18))]
        for name in STREAMS:
            if self.maybe(0.6):
                pages.insert(self.dice.randrange(len(pages) + 1), partial(self.steady, name))
        for make in pages:
            yield (page := make())
            if self.maybe(0.15):
                yield page
            if self.maybe(0.4):
                yield self.accounts()
        for name in STREAMS:
            if self.maybe(0.8):
                first = self.dice.choice([0, self.dice.randrange(SLOTS // 2)])
                spans = [Span(first, self.dice.randrange(first + 1, SLOTS)), Span(SLOTS - 9000, SLOTS)]
                yield paged([], {name: spans}, range(first, SLOTS, self.dice.choice([150, 1000, 6000])))


def paged(records: Sequence[Record], settled: Mapping[str, Sequence[Span]], anchors: Iterable[int]) -> Page:
    return Page(
        events=[one for one in records if one.kind == "event"],  # type: ignore[misc]
        records=[one for one in records if one.kind != "event"],
        settled=settled,
        source="test",
        slot_times={slot: time_of(slot) for slot in anchors},
    )


changed = msgspec.structs.replace
