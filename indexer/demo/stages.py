"""What is being done, how far it is and how long it will still take, on standard error."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn

TELLS_EVERY_S = 10.0  # Where nobody watches.
Moved = Callable[[float], None]


class Stages:
    """Stages one after the other: a bar where somebody watches, lines elsewhere; each leaves one line."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False)
        self.began_s = time.monotonic()

    def say(self, text: str) -> None:
        self._console.print(f"[demo] {text}", markup=False, soft_wrap=True)

    @contextmanager
    def stage(self, what: str) -> Iterator[Moved]:
        """Gives a function that hears how much of the stage is done, 0 to 1."""
        began_s = time.monotonic()
        with self._bar(what) if self._console.is_terminal else self._lines(what, began_s) as moved:
            yield moved
        self.say(f"{what}: done in {time.monotonic() - began_s:.0f} s")

    @contextmanager
    def _bar(self, what: str) -> Iterator[Moved]:
        columns = (TextColumn("[demo] {task.description}", markup=False), SpinnerColumn(), BarColumn())
        left = TimeRemainingColumn(elapsed_when_finished=True)
        with Progress(*columns, TaskProgressColumn(), left, console=self._console, transient=True) as bar:
            task = bar.add_task(what, total=1.0)
            yield lambda done: bar.update(task, completed=done)

    @contextmanager
    def _lines(self, what: str, began_s: float) -> Iterator[Moved]:
        told_s = began_s
        self.say(f"{what} ...")

        def moved(done: float) -> None:
            nonlocal told_s
            now_s = time.monotonic()
            if now_s - told_s >= TELLS_EVERY_S:
                told_s = now_s
                self.say(f"{what}: {100 * done:.0f} %{_left(done, now_s - began_s)}")

        yield moved


def _left(done: float, elapsed_s: float) -> str:
    return f", about {elapsed_s * (1 - done) / done:.0f} s more" if done > 0 else ""
