"""An event loop whose clock stands still while anything can run, and jumps to the next timer when nothing can.

A simulated hour takes as long as its work, and the same program takes the same course every time. Nothing that
waits for the outside may run in it: no socket, no thread, no subprocess.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

_Result = TypeVar("_Result")


class NothingToCome(Exception):
    """Every task waits, and no timer will ever wake one."""


class _Jump(selectors.SelectSelector):
    """Instead of waiting, move the clock."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout is None:
            raise NothingToCome
        if not ready and timeout is not None and timeout > 0:
            self.now += timeout
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """Starts at second 0."""

    def __init__(self) -> None:
        self._jump = _Jump()
        super().__init__(self._jump)

    def time(self) -> float:
        return self._jump.now


def run(main: Coroutine[Any, Any, _Result]) -> _Result:
    """As asyncio.run, in virtual time. Raises NothingToCome where every task waits for good."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(main)
