"""TradeEvent: a fill as it was meant, and the rows that must come of it; PositionDecreased beside it."""

from __future__ import annotations

from typing import Any

import msgspec

from indexer.core.record import Action, Liquidation, Record, Trade
from indexer.simulation.figures import decimal, ratio
from indexer.simulation.gmx.assets import USD
from indexer.simulation.gmx.market import Market
from indexer.simulation.gmx.operation import Operation, event, micro, price_rows
from indexer.simulation.gmx.positions import Costs, Position
from indexer.simulation.script import NOWHERE, Emit

IS_LONG, IS_COLLATERAL_LONG, IS_INCREASE = 1, 2, 4
EXECUTED = 255


class Fill(msgspec.Struct, frozen=True, kw_only=True):
    """Amounts in smallest units, values in USD of 20 decimals."""

    position: Position
    is_increase: bool
    before: dict[str, int]
    after: dict[str, int]
    fees: Costs
    price: int
    impact_value: int
    impact_excess: int = 0
    profit: int = 0
    uncapped_profit: int = 0
    size: int = 0
    tokens: int = 0
    withdrawn: int = 0
    output: int = 0
    secondary: int = 0
    claimable: tuple[int, int] = (0, 0)
    holding: int = 0
    insolvent_step: str | None = None


def trade_event(operation: Operation, fill: Fill, authority: bytes, final_output: tuple[bytes | None, int]) -> Emit:
    """`final_output`: the token that is paid out, and how much of it."""
    position, market = fill.position, fill.position.market
    flags = IS_LONG * position.is_long | IS_COLLATERAL_LONG * position.is_collateral_long
    outputs = {"output_amount": fill.output, "secondary_output_amount": fill.secondary}
    values: dict[str, Any] = {
        "flags": flags | IS_INCREASE * fill.is_increase,
        "trade_id": fill.after["trade_id"],
        "authority": authority,
        "store": operation.store,
        "market_token": market.token,
        "user": position.owner,
        "position": position.key,
        "order": operation.order,
        "final_output_token": final_output[0] or bytes(32),
        "ts": operation.time,
        "slot": operation.slot,
        "before": fill.before,
        "after": fill.after,
        "transfer_out": _transfers(fill, final_output[1]),
        "prices": {
            "index": market.index.price.fields(),
            "long": market.long.price.fields(),
            "short": market.short.price.fields(),
        },
        "execution_price": fill.price,
        "price_impact_value": fill.impact_value,
        "price_impact_diff": fill.impact_excess,
        "pnl": {"pnl": fill.profit, "uncapped_pnl": fill.uncapped_profit},
        "fees": fill.fees.trade_fields(),
        "output_amounts": outputs,
    }
    return event("TradeEvent", values, _rows(operation, fill))


def _transfers(fill: Fill, output: int) -> dict[str, int]:
    long, short = fill.fees.claimable
    return {
        "executed": EXECUTED,
        "final_output_token": output,
        "secondary_output_token": fill.secondary,
        "long_token": long,
        "short_token": short,
    }


def report_decrease(operation: Operation, fill: Fill) -> None:
    """PositionDecreased: it repeats the trade, and has no row of its own."""
    position = fill.position
    long, short = fill.fees.claimable
    report = {
        "price_impact_value": fill.impact_value,
        "price_impact_diff": fill.impact_excess,
        "execution_price": fill.price,
        "size_delta_in_tokens": fill.tokens,
        "withdrawable_collateral_amount": fill.withdrawn,
        "initial_size_delta_usd": fill.size,
        "size_delta_usd": fill.size,
        "fees": fill.fees.fields(),
        "pnl": {"pnl": fill.profit, "uncapped_pnl": fill.uncapped_profit},
        "insolvent_close_step": fill.insolvent_step,
        "should_remove": not fill.after["size_in_usd"],
        "is_output_token_long": position.is_collateral_long,
        "is_secondary_output_token_long": position.is_long,
        "output_amounts": {"output_amount": fill.output, "secondary_output_amount": fill.secondary},
        "claimable_funding_long_token_amount": long,
        "claimable_funding_short_token_amount": short,
        "for_holding": {"secondary_output_token_amount": fill.holding},
        "for_user": {"output_token_amount": fill.claimable[0], "secondary_output_token_amount": fill.claimable[1]},
    }
    operation.emit_report("PositionDecreased", position.market, report)


# --- the rows ------------------------------------------------------------------------------------------------------


def _rows(operation: Operation, fill: Fill) -> list[Record]:
    told, position = operation.told, fill.position
    rows: list[Record] = [_trade(operation, fill), *price_rows(position.market)]
    if told.is_liquidation:
        wiped = Liquidation(
            origin=NOWHERE,
            liquidation_kind="perp",
            trader=position.owner,
            market_key=position.market.address,
            value_usd_e6=_moved(fill),
        )
        rows.append(wiped)
    return rows


def _moved(fill: Fill) -> int:
    return micro(abs(fill.after["size_in_usd"] - fill.before["size_in_usd"]))


def _action(fill: Fill) -> Action:
    before, after = fill.before["size_in_usd"], fill.after["size_in_usd"]
    if fill.is_increase:
        return "open" if after and not before else "increase"
    return "close" if before and not after else "decrease"


def _trade(operation: Operation, fill: Fill) -> Trade:
    told, position, market, fees = operation.told, fill.position, fill.position.market, fill.fees
    before, after, decimals = fill.before, fill.after, market.index_decimals
    size, tokens = after["size_in_usd"], after["size_in_tokens"]
    unit = position.collateral_price.min
    paid, receivers = micro((fees.for_receiver + fees.for_pool) * unit), micro(fees.for_receiver * unit)
    return Trade(
        origin=NOWHERE,
        market_kind="perp",
        market_key=market.address,
        trader=position.owner,
        direction="buy" if position.is_long == fill.is_increase else "sell",
        position_side="long" if position.is_long else "short",
        action=_action(fill),
        size_usd_e6=_moved(fill),
        size_base=None if decimals is None else decimal(abs(tokens - before["size_in_tokens"]), decimals),
        price_usd=None if decimals is None else decimal(fill.price, 20 - decimals),
        fee_usd_e6=paid,
        base_fee_usd_e6=micro(sum(fees.order) * unit),
        borrow_fee_usd_e6=micro(sum(fees.borrowing) * unit),
        liquidation_fee_usd_e6=micro(sum(fees.liquidation) * unit) if told.is_liquidation else None,
        lp_fee_usd_e6=paid - receivers,
        protocol_fee_usd_e6=receivers,
        funding_usd_e6=micro(_funding(market, fees, unit)),
        price_impact_usd_e6=micro(fill.impact_value),
        pnl_usd_e6=None if fill.is_increase else micro(fill.profit),
        liquidity_source="pool",
        execution="keeper",
        is_liquidation=told.is_liquidation,
        is_adl=told.is_adl,
        excluded=None if size != before["size_in_usd"] else "collateral_only",
        position_key=position.key,
        order_key=operation.order,
        sequence=after["trade_id"],
        oracle_price_usd=_mid(market, decimals),
        position_size_usd_e6=micro(size),
        entry_price_usd=ratio(size * 10**decimals, tokens * USD) if decimals is not None and tokens else None,
        collateral_usd_e6=micro(max(before["collateral_amount"], after["collateral_amount"]) * unit),
    )


def _funding(market: Market, fees: Costs, unit: int) -> int:
    """What the trader paid to the other side, less what that side paid."""
    long, short = fees.claimable
    return fees.funding * unit - long * market.long.price.min - short * market.short.price.min


def _mid(market: Market, decimals: int | None) -> Any:
    price = market.index.price
    return None if decimals is None else decimal((price.min + price.max) * 5, 21 - decimals)
