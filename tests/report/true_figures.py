"""The figures of a report a second time: from what the simulated programs did, by the definitions alone.

Nothing of the ledger, its rollups or its views is read, and nothing is shared with the plain recomputation of them.
Money is whole micro-dollars, what is divided is a fraction, TVL is followed from change to change along the chain.

The definitions: volume is the notional of every perp fill, each once; net leaves out what is no trade between parties.
Fees are what users paid. TVL is the mean over the known seconds of a day: amounts hold until they change, prices and
values told as a whole grow old in a day. A ratio takes the days on which both of its terms are known.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from statistics import median_low
from typing import Any

from indexer.core.record import Fee, Liquidation, LpFlow, PriceObservation, Record, Swap, Trade, TvlObservation

DAY_S = OLD_S = 86_400
MILLION = 1_000_000
COUNTED = {
    "jupiter_perps": {"pool"},
    "gmx_solana": {"pool"},
    "drift": {"lending", "insurance_fund"},
}
TOLD_WITH_EVERY_CHANGE = {"gmx_solana pool", "drift lending", "drift insurance_fund", "drift strategy_vault"}
PROTOCOL_SHARE = {"jupiter_perps": Fraction(25, 100)}  # Of every fee; the rest is the pool's.


def day_of(record: Record) -> date:
    assert record.origin.block_time is not None, "it lies in a day"
    return datetime.fromtimestamp(record.origin.block_time, UTC).date()


def midnight(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


def place(record: Record) -> tuple[Any, ...]:
    at = record.origin
    return at.block_time, at.slot, at.tx_index, at.index, at.signature, record.part


class Steps:
    """What was told of one thing, moment by moment: within a second the last word counts."""

    def __init__(self) -> None:
        self.times: list[int] = []
        self.values: list[Any] = []

    def tell(self, time: int, value: Any) -> None:
        if self.times and self.times[-1] == time:
            self.values[-1] = value
        else:
            self.times.append(time)
            self.values.append(value)

    def at(self, time: int) -> tuple[int, Any] | None:
        """(when, what) was told last, up to this second."""
        number = bisect_right(self.times, time)
        return (self.times[number - 1], self.values[number - 1]) if number else None


class TrueFigures:
    """Of a whole chain of which every slot is known. What has no block time lies in no day."""

    def __init__(self, records: Iterable[Record]) -> None:
        timed = [record for record in records if record.origin.block_time is not None]
        self.rows: dict[type[Record], list[Any]] = defaultdict(list)
        for record in sorted(timed, key=place):
            self.rows[type(record)].append(record)
        self.prices: dict[bytes, Steps] = defaultdict(Steps)
        for told in self.rows[PriceObservation]:
            if told.mint is not None:
                self.prices[told.mint].tell(told.origin.block_time, Fraction(told.price_usd))
        self.holdings = self._holdings()

    # --- what is summed ----------------------------------------------------------------------------------------------

    def fills(self, protocol: str, days: Sequence[date]) -> list[Trade]:
        return self._of(Trade, protocol, days)

    def _of(self, kind: type[Record], protocol: str, days: Sequence[date]) -> list[Any]:
        return [row for row in self.rows[kind] if row.origin.protocol == protocol and day_of(row) in days]

    def volume(self, protocol: str, days: Sequence[date]) -> dict[str, Any]:
        perp = [fill for fill in self.fills(protocol, days) if fill.market_kind == "perp"]
        net = [fill for fill in perp if fill.excluded is None]
        spot = [fill for fill in self.fills(protocol, days) if fill.market_kind == "spot" and fill.excluded is None]
        swaps = [swap for swap in self.swaps(protocol, days) if swap.purpose == "swap" and swap.hop == 0]
        return {
            "volume_usd": _told(net, "size_usd_e6"),
            "gross_volume_usd": _told(perp, "size_usd_e6"),
            "spot_volume_usd": _told(spot, "size_usd_e6"),
            "swap_volume_usd": _told(swaps, "value_usd_e6"),
            "liquidation_volume_usd": _told([fill for fill in net if fill.is_liquidation], "size_usd_e6"),
            "buy_volume_usd": _told([fill for fill in net if fill.direction == "buy"], "size_usd_e6"),
            "sell_volume_usd": _told([fill for fill in net if fill.direction == "sell"], "size_usd_e6"),
        }

    def activity(self, protocol: str, days: Sequence[date]) -> dict[str, Any]:
        net = [fill for fill in self.fills(protocol, days) if (fill.market_kind, fill.excluded) == ("perp", None)]
        return {
            "trades": len(net),
            "traders": len({fill.trader for fill in net if fill.trader is not None}),
            "markets_traded": len({fill.market_key for fill in net}),
            "liquidations": sum(fill.is_liquidation is True for fill in net),
        }

    def swaps(self, protocol: str, days: Sequence[date]) -> list[Swap]:
        """Those whose value fits the price of their hour, as far as anybody else told one."""
        return [swap for swap in self._of(Swap, protocol, days) if not self._is_absurd(swap)]

    def _is_absurd(self, swap: Swap) -> bool:
        at = swap.origin
        near = [
            Fraction(told.price_usd)
            for told in self.rows[PriceObservation]
            if told.mint is not None and told.mint == swap.mint_in
            and at.block_time - 3600 < told.origin.block_time <= at.block_time
            and told.origin.signature != at.signature
        ][-9:]  # fmt: skip
        if not near or not swap.amount_in or swap.value_usd_e6 is None:
            return False
        fair = Fraction(swap.amount_in) * median_low(near)
        return abs(Fraction(swap.value_usd_e6, MILLION) - fair) > abs(fair) / 2

    def fees(self, protocol: str, days: Sequence[date]) -> dict[str, Any]:
        fills = self.fills(protocol, days)
        charged = [fee for fill in fills for fee in (fill.fee_usd_e6, fill.maker_fee_usd_e6)]
        swaps = self.swaps(protocol, days)
        of_flows = [flow.fee_usd_e6 for flow in self._of(LpFlow, protocol, days)]
        single = [fee.value_usd_e6 for fee in self._of(Fee, protocol, days)]
        insured = [one.insurance_fee_usd_e6 for one in self._insurance(protocol, days, fills)]
        everything = [*charged, *(swap.fee_usd_e6 for swap in swaps), *of_flows, *single, *insured]
        rewards = [
            reward
            for fill in fills
            for reward in (fill.filler_reward_usd_e6, fill.referrer_reward_usd_e6, fill.builder_fee_usd_e6)
        ] + [fee.value_usd_e6 for fee in self._of(Fee, protocol, days) if fee.fee_kind == "trigger"]
        found = {
            "fees_usd": None if _told(swaps, "fee_usd_e6") is None else _paid(everything),
            "trading_fees_usd": _paid(charged),
            "swap_fees_usd": _told(swaps, "fee_usd_e6"),
            "mint_burn_fees_usd": _paid(of_flows),
            "trigger_fees_usd": _paid(single),
            "insurance_fees_usd": _paid(insured),
            "rebates_usd": _received([*charged, *of_flows]),
            "rewards_usd": _dollars(rewards),
        }
        net = None if found["fees_usd"] is None else found["fees_usd"] + found["rebates_usd"] - found["rewards_usd"]
        return found | {"net_fees_usd": net}

    def _insurance(self, protocol: str, days: Sequence[date], fills: Sequence[Trade]) -> list[Liquidation]:
        """Liquidations whose insurance fee is not part of the fee that a takeover was charged."""
        taken = {(f.origin.signature, f.market_key, f.sequence) for f in fills if f.liquidity_source == "takeover"}
        return [
            one
            for one in self._of(Liquidation, protocol, days)
            if one.sequence is None or (one.origin.signature, one.market_key, one.sequence) not in taken
        ]

    def flows(self, protocol: str, days: Sequence[date]) -> dict[str, dict[str, Any]]:
        """By venue that ever had a flow. None: a day had flows of that kind, and nobody knows the value of any."""
        venues = {flow.venue for flow in self.rows[LpFlow] if flow.origin.protocol == protocol}
        return {venue: self._venue(self._of(LpFlow, protocol, days), venue, days) for venue in venues}

    def _venue(self, flows: Sequence[LpFlow], venue: str, days: Sequence[date]) -> dict[str, Any]:
        def moved(way: str, *, external: bool) -> Fraction | None:
            by_day = [
                [self._value(f) for f in flows if (f.venue, f.flow) == (venue, way) and day_of(f) == day
                 and not (external and f.internal)]
                for day in days
            ]  # fmt: skip
            if any(values and all(value is None for value in values) for values in by_day):
                return None
            return _dollars(value for values in by_day for value in values)

        deposits, withdrawals = moved("deposit", external=False), moved("withdraw", external=False)
        return {
            "deposits_usd": deposits,
            "withdrawals_usd": withdrawals,
            "net_flow_usd": _less(deposits, withdrawals),
            "external_net_flow_usd": _less(moved("deposit", external=True), moved("withdraw", external=True)),
        }

    def _value(self, flow: LpFlow) -> int | None:
        """Vaults and insurance tell no price: that of their time counts."""
        if flow.value_usd_e6 is not None or flow.venue not in ("drift_vault", "drift_insurance"):
            return flow.value_usd_e6
        price = self._price(flow.mint, flow.origin.block_time or 0)
        return None if price is None or flow.amount is None else round(Fraction(flow.amount) * price * MILLION)

    def sources(self, days: Sequence[date]) -> dict[tuple[str, str], int]:
        """Drift's net volume in micro-dollars by market kind and by who stood opposite."""
        found: dict[tuple[str, str], int] = defaultdict(int)
        for fill in self.fills("drift", days):
            if fill.excluded is None:
                source = "liquidation" if fill.is_liquidation else fill.liquidity_source or "unknown"
                found[fill.market_kind, source] += fill.size_usd_e6 or 0
        return dict(found)

    # --- what lies somewhere -----------------------------------------------------------------------------------------

    def _holdings(self) -> dict[tuple[str, str, str], dict[Any, Steps]]:
        """By protocol, component and key: what was told of each token of it, as (amount, dollars)."""
        found: dict[tuple[str, str, str], dict[Any, Steps]] = defaultdict(lambda: defaultdict(Steps))
        sums: dict[Any, list[TvlObservation]] = defaultdict(list)
        for told in self.rows[TvlObservation]:
            holding = told.mint or told.part
            at = (told.origin.protocol, told.component, told.component_key)
            sums[(*place(told)[:-1], at, holding)].append(told)
        for (time, *_, at, holding), parts in sums.items():
            found[at][holding].tell(time, (_all(p.amount for p in parts), _all(p.value_usd_e6 for p in parts)))
        return found

    def _price(self, mint: bytes | None, time: int) -> Fraction | None:
        told = self.prices[mint].at(time) if mint in self.prices else None
        return told[1] if told is not None and told[0] > time - OLD_S else None

    def component(self, at: tuple[str, str, str], day: date) -> tuple[Fraction, Fraction | None]:
        """(part of the day that is known, dollars) of one component."""
        tokens = [self._token(at, holding, steps, day) for holding, steps in self.holdings[at].items()]
        known = min(Fraction(seconds, DAY_S) for seconds, _ in tokens)
        means = [total / seconds if 2 * seconds >= DAY_S else None for seconds, total in tokens]
        return known, None if None in means else sum(mean for mean in means if mean is not None)

    def _token(self, at: tuple[str, str, str], holding: Any, steps: Steps, day: date) -> tuple[int, Fraction]:
        """(seconds that are known, dollars x seconds) of one token on one day, from cut to cut."""
        prices = self.prices[holding].times if isinstance(holding, bytes) and holding in self.prices else []
        since, until = midnight(day), midnight(day) + DAY_S
        changes = [*steps.times, *prices, *(time + OLD_S for time in (*steps.times, *prices))]
        cuts = [since, *sorted({time for time in changes if since < time < until}), until]
        seconds, total = 0, Fraction(0)
        for start, end in pairwise(cuts):
            worth = self._worth(at, holding, steps, start)
            if worth is not None:
                seconds, total = seconds + end - start, total + worth * (end - start)
        return seconds, total

    def _worth(self, at: tuple[str, str, str], holding: Any, steps: Steps, time: int) -> Fraction | None:
        told = steps.at(time)
        if told is None:
            return None
        since, (amount, value) = told
        if amount is None:
            return None if value is None or time >= since + OLD_S else Fraction(value, MILLION)
        if " ".join(at[:2]) not in TOLD_WITH_EVERY_CHANGE and time >= since + OLD_S:
            return None
        if amount == 0:
            return Fraction(0)
        price = self._price(holding if isinstance(holding, bytes) else None, time)
        return None if price is None else Fraction(amount) * price

    def tvl(self, protocol: str, day: date) -> dict[str, Fraction | None]:
        """By component, their sum, and that without what strategy vaults hold; None: less than half is known."""
        parts: dict[str, list[Fraction]] = defaultdict(list)
        known = []
        for at in self.holdings:
            if at[0] == protocol:
                part, dollars = self.component(at, day)
                if at[1] in COUNTED[protocol]:
                    known.append(part)
                if dollars is not None:
                    parts[at[1]].append(dollars)
        counted = sum((sum(parts[name]) for name in COUNTED[protocol]), Fraction(0))
        is_known = known and sum(known) * 2 >= len(known)
        by_component = {name: sum(dollars) if dollars else None for name, dollars in parts.items()}
        vaults = by_component.get("strategy_vault") or Fraction(0)
        return {
            **by_component,
            "tvl": counted if is_known else None,
            "ex_vaults": counted - vaults if is_known else None,
        }

    def component_mean(self, at: tuple[str, str, str], days: Sequence[date]) -> Fraction | None:
        if at not in self.holdings:
            return None
        known = [dollars for _, dollars in (self.component(at, day) for day in days) if dollars is not None]
        return sum(known, Fraction(0)) / len(known) if known else None

    def amount_since(self, at: tuple[str, str, str], holding: Any, since: int, until: int) -> Decimal | None:
        """What lies there, if it was told up to `since` and nothing was told until `until`."""
        steps = self.holdings[at].get(holding) if at in self.holdings else None
        told = steps.at(until) if steps else None
        return told[1][0] if told is not None and told[0] <= since else None

    # --- ratios ------------------------------------------------------------------------------------------------------

    def efficiency(self, protocol: str, days: Sequence[date]) -> dict[str, Any]:
        tvl = {day: self.tvl(protocol, day) for day in days}
        traded = {day: self.volume(protocol, [day])["volume_usd"] for day in days}
        paid = {day: self.fees(protocol, [day])["fees_usd"] for day in days}
        lent = {day: one["ex_vaults"] for day, one in tvl.items() if None not in (one["ex_vaults"], traded[day])}
        whole = {day: one["tvl"] for day, one in tvl.items() if None not in (one["tvl"], paid[day])}
        volume, fees = sum(traded[day] for day in lent), sum(paid[day] for day in whole)
        return {
            "days": len(lent),
            "capital_efficiency": _ratio(volume, sum(lent.values()), len(lent), len(days)),
            "fee_days": len(whole),
            "fee_yield": _ratio(fees, sum(whole.values()), len(whole), len(days)),
            "mean_tvl_usd": sum(whole.values(), Fraction(0)) / len(whole) if whole else None,
        }

    def market_share(self, protocol: str, days: Sequence[date]) -> Fraction:
        volumes = {name: self.volume(name, days)["volume_usd"] for name in COUNTED}
        return volumes[protocol] / sum(volumes.values())

    def effective_fee_bps(self, protocol: str, days: Sequence[date]) -> Fraction:
        perp = [fill for fill in self.fills(protocol, days) if fill.market_kind == "perp"]
        charged = _paid(fee for fill in perp for fee in (fill.fee_usd_e6, fill.maker_fee_usd_e6))
        return 10_000 * charged / self.volume(protocol, days)["volume_usd"]


def days_between(first: date, last: date) -> list[date]:
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def _told(rows: Sequence[Record], field: str) -> Fraction | None:
    """The sum of what rows tell. None: on one day there were some, and none of them tells it."""
    by_day: dict[date, list[int | None]] = defaultdict(list)
    for row in rows:
        by_day[day_of(row)].append(getattr(row, field))
    if any(all(value is None for value in values) for values in by_day.values()):
        return None
    return _dollars(value for values in by_day.values() for value in values)


def _dollars(values: Iterable[int | None]) -> Fraction:
    return Fraction(sum(value for value in values if value is not None), MILLION)


def _paid(fees: Iterable[int | None]) -> Fraction:
    return _dollars(fee for fee in fees if fee is not None and fee > 0)


def _received(fees: Iterable[int | None]) -> Fraction:
    return _dollars(fee for fee in fees if fee is not None and fee < 0)


def _less(one: Fraction | None, other: Fraction | None) -> Fraction | None:
    return None if one is None or other is None else one - other


def _all(values: Iterable[Any]) -> Any:
    there = list(values)
    return None if None in there else sum(there)


def _ratio(above: Any, below: Any, days: int, of: int) -> Fraction | None:
    """Five days of seven are asked for, and as many in proportion."""
    return Fraction(above) / below if below and 7 * days >= 5 * of else None
