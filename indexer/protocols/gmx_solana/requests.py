"""The life of requests (orders, deposits, withdrawals, shifts), and GT, the token traders earn.

A request is created by its owner and executed by a keeper, often in another transaction; the rows
here say later who the owner was. None of these events is ever a ghost.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from indexer.core import base58
from indexer.core.amount import exact
from indexer.core.payload import Event
from indexer.core.record import ActionRecord, Incentive, Record
from indexer.protocols.gmx_solana import scales
from indexer.protocols.gmx_solana.evidence import OWNERSHIP, Evidence

PENDING = "pending"
ENDS = ("cancelled", "completed", "cancelled")  # By ActionState; who removes a pending request gives it up.
ORDER_KINDS = (
    "liquidation", "auto_deleveraging", "market_swap", "market_increase", "market_decrease",
    "limit_swap", "limit_increase", "limit_decrease", "stop_loss_decrease",
)  # fmt: skip
GT_KINDS: tuple[Literal["gt_reward", "gt_mint", "gt_burn"], ...] = ("gt_reward", "gt_mint", "gt_burn")  # GtUpdateKind.


def removed(evidence: Evidence, event: Event) -> Iterator[Record]:
    """The end of a request: executed or given up, its account closed."""
    fields = event.fields
    order_kind = ORDER_KINDS[fields.kind] if event.name == "OrderRemoved" else None
    yield _action(evidence, event, ENDS[fields.state], order_kind)


def order_updated(evidence: Evidence, event: Event) -> Iterator[Record]:
    """Created or changed by its owner: it waits for a keeper."""
    yield _action(evidence, event, PENDING, ORDER_KINDS[event.fields.params.kind])


def _action(evidence: Evidence, event: Event, state: str, order_kind: str | None) -> ActionRecord:
    fields, kind = event.fields, OWNERSHIP[event.name]
    is_glv_shift = evidence.instruction(event) == "close_glv_shift"
    return ActionRecord(
        origin=evidence.scene.origin(event, fields.ts),
        action_key=getattr(fields, kind),
        action_kind="glv_shift" if is_glv_shift else kind,
        owner=fields.owner,
        receiver=evidence.account(event, "receiver"),
        state=state,
        order_kind=order_kind,
        market_key=base58.encode(fields.market_token),
    )


def gt_updated(evidence: Evidence, event: Event) -> Iterator[Record]:
    """GT minted for fees, given as a reward, or burnt. A mint of 0 still tells the supply."""
    fields = event.fields
    yield Incentive(
        origin=evidence.scene.origin(event),
        incentive_kind=GT_KINDS[fields.kind],
        account=fields.receiver,
        amount=exact(fields.receiver_delta, scales.GT),
        supply_after=exact(fields.supply, scales.GT),
    )
