"""Traders and keepers: orders filled from every source, on perp and spot markets, and swaps of two tokens."""

from __future__ import annotations

from typing import Any

from indexer.core.record import Swap
from indexer.simulation.drift.books import Spot, Traded, User
from indexer.simulation.drift.fills import (
    AMM,
    AMM_JIT,
    AMM_JIT_LP,
    LONG,
    LP_JIT,
    MATCH,
    MATCH_JIT,
    OPENBOOK,
    PHOENIX,
    SERUM,
    SHORT,
    Fill,
    Side,
    fill_event,
    token_price_row,
)  # fmt: skip
from indexer.simulation.drift.orders import placed
from indexer.simulation.drift.stage import Stage, Style
from indexer.simulation.instructions import fixed_key
from indexer.simulation.script import NOWHERE, Emit, Invoke, Script, Text

PERP_SOURCES = (AMM, AMM, AMM_JIT, AMM_JIT_LP, LP_JIT, MATCH, MATCH, MATCH, MATCH_JIT, MATCH_JIT)
SPOT_SOURCES = (MATCH, MATCH_JIT, SERUM, PHOENIX, OPENBOOK)
VENUES = {SERUM: fixed_key("serum"), PHOENIX: fixed_key("phoenix"), OPENBOOK: fixed_key("openbook")}
MOST_FILLS = 5  # Of one order in one transaction.
LARGEST_U32 = 2**32 - 1
USUAL_FILL = 400  # Dollars.


class Traders:
    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    # --- perp and spot fills ---

    def fill(self) -> Script:
        """An order is filled by a keeper, or by the one who places it; often against several."""
        stage = self._stage
        market, taker = stage.choice(stage.books.perps), stage.some_users(1)[0]
        count = stage.choice((1, 1, 1, 2, 2, 3, MOST_FILLS))
        keeper = stage.choice(stage.keepers) if stage.chance(0.7) else None
        fills = self._fills(market, taker, [stage.choice(PERP_SOURCES) for _ in range(count)], keeper)
        name = "fillPerpOrder" if keeper else stage.choice(("placeAndTakePerpOrder", "placeAndMakePerpOrder"))
        before = () if keeper else placed(stage, market, taker, fills[0].base)
        style: Style = "data" if stage.chance(stage.rates.older / 4) else "text"
        end = stage.end("OrderActionRecord")
        emits = [fill_event(stage, one, style, end) for one in fills]
        accounts = (keeper or taker.authority, taker.account, *(one.maker.user.account for one in fills if one.maker))
        return stage.script(stage.invoke(name, *before, *emits, accounts=accounts))

    def spot_fill(self) -> Script:
        """Against another user's order, or on an outside venue that is called in the middle."""
        stage = self._stage
        market, taker = stage.choice(stage.books.spots[1:]), stage.some_users(1)[0]
        source, keeper = stage.choice(SPOT_SOURCES), stage.choice(stage.keepers)
        (fill,) = self._fills(market, taker, [source], keeper)
        venue = VENUES.get(source)
        before = (Invoke(venue, bytes(8), (), (Text("order placed"), stage.transfer())),) if venue else ()
        emit = fill_event(stage, fill, "text", stage.end("OrderActionRecord"))
        return stage.script(stage.invoke("fillSpotOrder", *before, emit, accounts=(keeper, taker.account)))

    def _fills(self, market: Traded, taker: User, sources: list[str], keeper: bytes | None) -> list[Fill]:
        """Fills of one order, one after the other."""
        stage = self._stage
        parts = [stage.raw(market, USUAL_FILL * stage.rates.trade_times) for _ in sources]
        order, direction, size = taker.next_order(), stage.choice((LONG, SHORT)), sum(parts)
        filled = quote = 0
        made: list[Fill] = []
        for base, source in zip(parts, sources, strict=True):
            amount = max(1, base * self._price(market) // market.unit)
            filled, quote = filled + base, quote + amount
            side = Side(taker, order, direction, size, filled, quote)
            made.append(self._fill(market, source, side, base, amount, keeper))
        return made

    def _fill(self, market: Traded, source: str, taker: Side, base: int, quote: int, keeper: bytes | None) -> Fill:
        stage = self._stage
        fee = quote * stage.choice((10, 8, 5, 3)) // 10_000
        facts: dict[str, Any] = {
            "market": market,
            "explanation": source,
            "sequence": market.next_fill(),
            "base": base,
            "quote": quote,
            "filler": keeper,
            "filler_reward": min(fee // 10, 10_000) if keeper else 0,
            "referrer_reward": min(fee * 15 // 100, LARGEST_U32) if stage.chance(0.3) else None,
            "oracle_e6": market.price_e6,
        }
        if source in VENUES:
            return Fill(taker=taker, maker=None, taker_fee=fee, venue_fee=fee // 4, **facts)
        if source == AMM and stage.chance(0.25):  # The AMM takes the resting order of a maker.
            return Fill(taker=None, maker=taker, maker_fee=-(quote // 40_000), surplus=0, **facts)
        built = quote // 10_000 if stage.chance(0.1) else None
        facts |= {"taker_fee": fee + (built or 0), "builder_fee": built}
        if source in (MATCH, MATCH_JIT):
            return Fill(taker=taker, maker=self._maker(taker, base, quote), maker_fee=-(quote // 40_000), **facts)
        return Fill(taker=taker, maker=None, surplus=stage.rng.randint(-fee, fee), **facts)

    def _maker(self, taker: Side, base: int, quote: int) -> Side:
        maker = next(user for user in self._stage.some_users(2) if user is not taker.user)
        return Side(maker, maker.next_order(), 1 - taker.direction, base * 3, base, quote)

    def _price(self, market: Traded) -> int:
        """Near the oracle's."""
        return max(1, market.price_e6 * self._stage.rng.randint(9_980, 10_020) // 10_000)

    # --- swaps ---

    def swap(self) -> Script:
        """One deposit for another on an outside venue, between two instructions of Drift."""
        stage = self._stage
        paid, bought = stage.rng.sample(stage.books.spots, 2)
        user = stage.some_users(1)[0]
        amount_in = stage.raw(paid, 800)
        amount_out = max(1, amount_in * paid.price_e6 * bought.unit // (bought.price_e6 * paid.unit))
        emit = self._swap_event(user, paid, bought, amount_in, amount_out, stage.choice((0, 0, amount_out // 2_000)))
        begin = stage.invoke("beginSwap", stage.transfer(), accounts=(user.account, user.authority))
        route = Invoke(fixed_key("swap aggregator"), bytes(8), (user.authority,), (Text("Instruction: Route"),))
        end = stage.invoke("endSwap", stage.transfer(), emit, accounts=(user.account, user.authority))
        return stage.script(begin, route, end)

    def _swap_event(self, user: User, paid: Spot, bought: Spot, amount_in: int, amount_out: int, fee: int) -> Emit:
        stage = self._stage
        user.move(paid, -amount_in)
        user.move(bought, amount_out - fee)
        bought.change(fee, 0)  # The protocol's own deposit.
        row = Swap(
            origin=NOWHERE,
            trader=user.account,
            mint_in=paid.mint,
            mint_out=bought.mint,
            amount_in=paid.tokens(amount_in),
            amount_out=bought.tokens(amount_out),
            value_usd_e6=paid.usd_e6(amount_in),
            fee_usd_e6=bought.usd_e6(fee),
            venue="drift",
            purpose="swap",
            hop=0,
        )
        prices = token_price_row(paid, paid.price_e6), token_price_row(bought, bought.price_e6, part=1)
        return stage.event(
            "SwapRecord",
            [row, *prices],
            ts=stage.time,
            user=user.account,
            amountOut=amount_out,
            amountIn=amount_in,
            outMarketIndex=bought.index,
            inMarketIndex=paid.index,
            outOraclePrice=bought.price_e6,
            inOraclePrice=paid.price_e6,
            fee=fee,
        )
