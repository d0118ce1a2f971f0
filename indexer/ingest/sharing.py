"""Budgets of endpoints, shared by all processes that ask them.

Every process has a lease on the budget of each of its endpoints, and takes an equal part of what the settings allow.
What must stay true: no address is told to the ledger, only a keyed hash of it and its host. Whoever joins is noticed
by the others when they renew; until then, and where settings allow more than an endpoint does, its own answers
(429) hold everybody back, as they do one alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from random import Random

import msgspec
import structlog

from indexer.errors import StoreUnavailable
from indexer.store.base import Store
from indexer.store.coordination import Budget
from indexer.store.patience import patiently

SHARE_LEASE_S = 15.0
RENEWED_EVERY_S = 5.0
_log = structlog.get_logger()


class Shared(msgspec.Struct, frozen=True):
    """An endpoint whose budget is shared. `hashed`: its address by a key; `share`: so many ask it, we too."""

    name: str  # Its host, without credentials.
    hashed: Callable[[bytes], bytes]
    share: Callable[[int], None]


class Shares:
    """The parts of one process. `holder` names it."""

    def __init__(self, store: Store, endpoints: Sequence[Shared], holder: str, rng: Random) -> None:
        self._store, self._endpoints, self._holder, self._rng = store, endpoints, holder, rng

    async def keep(self) -> None:
        """Renew them until it is cancelled. A ledger that is away leaves them as they are: nobody can write then."""
        key = await patiently(self._store.budget_key, self._rng)
        budgets = {Budget(one.hashed(key), one.name): one for one in self._endpoints}
        known: Mapping[bytes, int] = {}
        while True:
            try:
                holders = await self._store.share(tuple(budgets), self._holder, SHARE_LEASE_S)
            except StoreUnavailable:
                holders = known
            for budget, endpoint in budgets.items():
                if (among := holders.get(budget.key, 1)) != known.get(budget.key, 1):
                    endpoint.share(among)
                    _log.info("budget_shared", endpoint=budget.name, among=among)
            known = holders
            await asyncio.sleep(RENEWED_EVERY_S * self._rng.uniform(0.8, 1.0))
