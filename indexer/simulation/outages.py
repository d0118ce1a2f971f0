"""A database that is away for a while: the same store, that refuses everything between two moments."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, cast

from indexer.errors import StoreUnavailable
from indexer.store.base import Store

LASTS_S = 4.0


class Outages:
    """When the database is away. `struck` counts what was refused."""

    def __init__(self, clock: Callable[[], float], starts: Sequence[float]) -> None:
        self._clock = clock
        self._starts = starts
        self.struck: Counter[str] = Counter()

    def strike(self) -> None:
        """Raises StoreUnavailable while the database is away."""
        now = self._clock()
        if any(start <= now < start + LASTS_S for start in self._starts):
            self.struck["database_away"] += 1
            raise StoreUnavailable("the database is away", place="memory")


def outages(store: Store, weather: Outages) -> Store:
    """The store, away when the weather says so."""
    return cast(Store, _Away(store, weather))


class _Away:
    def __init__(self, store: Store, weather: Outages) -> None:
        self._store = store
        self._weather = weather

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)

        async def call(*arguments: Any, **named: Any) -> Any:
            self._weather.strike()
            return await method(*arguments, **named)

        return call
