"""A progress bar on standard error, where a person is watching; nothing elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text


@contextmanager
def progress(what: str, total: int | None) -> Iterator[Callable[[], None]]:
    """Gives a function that moves the bar one step. `total` None: the number of steps is not known."""
    with _bar(TimeElapsedColumn()) as bar:
        task = bar.add_task(what, total=total)
        yield lambda: bar.advance(task)


@contextmanager
def span_progress(what: str, slots: int) -> Iterator[Callable[[int, int], None]]:
    """Gives a function that hears of slots settled and transactions seen; the bar shows rates and the time left."""
    with _bar(_Rate(), TimeElapsedColumn(), TimeRemainingColumn()) as bar:
        task = bar.add_task(what, total=slots, transactions=0)

        def moved(settled: int, transactions: int) -> None:
            seen = bar.tasks[0].fields["transactions"]
            bar.update(task, advance=settled, transactions=seen + transactions)

        yield moved


@contextmanager
def counting(what: str, unit: str) -> Iterator[Callable[[int], None]]:
    """Gives a function that hears how many more there are; nobody knows how many there will be."""
    with _bar(_Count(unit), TimeElapsedColumn(), first=(TextColumn("{task.description}"), SpinnerColumn())) as bar:
        task = bar.add_task(what, total=None)
        yield lambda more: bar.advance(task, more)


class _Count(ProgressColumn):
    def __init__(self, unit: str) -> None:
        super().__init__()
        self._unit = unit

    def render(self, task: Task) -> Text:
        return Text(f"{task.completed:,.0f} {self._unit}")


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        elapsed = task.elapsed or 0.0
        transactions = task.fields["transactions"]
        slots = f"{task.speed:,.0f}" if task.speed else "?"
        rate = f"{transactions / elapsed:,.0f}" if elapsed else "?"
        return Text(f"slots, {slots}/s   {transactions:,} transactions, {rate}/s")


@contextmanager
def _bar(*columns: ProgressColumn, first: Sequence[ProgressColumn] = ()) -> Iterator[Progress]:
    console = Console(stderr=True)
    first = first or (TextColumn("{task.description}"), SpinnerColumn(), BarColumn(), MofNCompleteColumn())
    with Progress(*first, *columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        yield bar
