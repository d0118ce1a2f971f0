"""What keeps aggregates true: hours, days and holdings are made again where rows changed, views are refreshed.

What must stay true:
- Whoever writes rows marks their hours and days in the same transaction. A mark goes in the transaction that made its
  bucket again, and only if nobody touched it since it was read.
- When no mark is left, every aggregate is what a computation of all rows would give. Before that, every bucket that
  is not marked is.
- All of it can be repeated and stopped anywhere. Who rolls up does it one after the other, in whatever process.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Protocol

from indexer.errors import PerpsIndexerError


class AggregateFailed(PerpsIndexerError):
    """An aggregate could not be made; rows are not concerned. `place`: the table or view."""


class Aggregates(Protocol):
    """Every method may raise StoreUnavailable and AggregateFailed: nothing was changed then, and the failure is kept.

    `limit`: how many marks are taken at most; they are taken newest first. A number below it: no more are there.
    """

    async def set_parameters(self, parameters: Mapping[str, Decimal]) -> bool:
        """What numbers are computed with, by name: see `ledger.parameters`. Where one changes, all is marked: True.

        A name that the ledger does not have is left out.
        """

    async def roll_hours(self, limit: int) -> int:
        """Make marked hours again, and mark the days and holdings that depend on them. How many marks were taken."""

    async def roll_days(self, limit: int) -> int:
        """Make marked days of traders and providers again."""

    async def roll_holdings(self, limit: int) -> int:
        """Take in what coverage has become, and make marked hours of holdings (TVL) again."""

    async def views(self, names: Sequence[str] = ()) -> Sequence[str]:
        """Materialized views of schema perps, each after those that it reads.

        `names`: these, and the views that they read; none: all. A name that is no view is left out.
        """

    async def refresh(self, view: str) -> None:
        """Refresh a view. Neither who reads nor who writes waits for it; another refresh does."""
