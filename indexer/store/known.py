"""What is made of values that come again, within a bound: how a market is called stands in thousands of rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

MOST_KNOWN = 10_000
MOST_CHARS = 200  # Longer texts do not come again, and would fill the memory.
Value = TypeVar("Value")
Made = TypeVar("Made")


class Known(dict[Value | None, Made], Generic[Value, Made]):
    """`known[value]` is what `make` gives of it; of None it is `of_none`. `make` must be pure."""

    def __init__(self, make: Callable[[Value], Made], of_none: Made) -> None:
        super().__init__({None: of_none})
        self._make = make
        self._of_none = of_none

    def __missing__(self, value: Value) -> Made:
        if isinstance(value, str) and len(value) > MOST_CHARS:
            return self._make(value)
        if len(self) >= MOST_KNOWN:
            self.clear()
            self[None] = self._of_none
        made = self[value] = self._make(value)
        return made
