"""An event loop whose clock stands still while anything can run, and jumps to the next timer when nothing can.

A simulated hour takes as long as its work, and the same program takes the same course every time. Nothing that
waits for the outside may run in it: no socket, no thread, no subprocess. But inside `VirtualTimeLoop.outside` the
clock stands still until what was asked there has answered; the course is then no longer the same every time.
"""

from __future__ import annotations

import asyncio
import selectors
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

_Result = TypeVar("_Result")


class NothingToCome(Exception):
    """Every task waits, and no timer will ever wake one."""


class _Jump(selectors.SelectSelector):
    """Instead of waiting, move the clock; at a speed, wait that much less."""

    def __init__(self, speed: float) -> None:
        super().__init__()
        self.now = 0.0
        self.asked_outside = 0  # How many wait for somebody in real time.
        self._speed = speed

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if self.asked_outside:
            return super().select(0 if timeout == 0 else None)
        ready = super().select(0)
        if not ready and timeout is None:
            raise NothingToCome
        if not ready and timeout is not None and timeout > 0:
            if self._speed:
                time.sleep(timeout / self._speed)
            self.now += timeout
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """Starts at second 0. `speed`: virtual seconds in a real one, for somebody who watches; 0: no waiting."""

    def __init__(self, speed: float = 0.0) -> None:
        self._jump = _Jump(speed)
        super().__init__(self._jump)

    def time(self) -> float:
        return self._jump.now

    @contextmanager
    def outside(self) -> Iterator[None]:
        """Around an await of a real socket. Nothing awaited inside may wait for a timer: none comes."""
        self._jump.asked_outside += 1
        try:
            yield
        finally:
            self._jump.asked_outside -= 1


def run(main: Coroutine[Any, Any, _Result], *, speed: float = 0.0) -> _Result:
    """As asyncio.run, in virtual time. Raises NothingToCome where every task waits for good."""
    with asyncio.Runner(loop_factory=lambda: VirtualTimeLoop(speed)) as runner:
        return runner.run(main)
