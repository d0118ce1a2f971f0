"""Replay: recorded answers through the one path of everything, into the ledger.

Named files are all read before anything is written, so that a file that does not fit leaves nothing
half-written. What lies in a folder may be anything: a file that does not fit to its end is passed over
and told. Twice gives the same ledger. Nothing is settled, except whole blocks where that was asked for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from indexer.core.protocol import Protocol
from indexer.core.reference import Reference
from indexer.core.transaction import Transaction
from indexer.errors import InputError
from indexer.ingest.page import block_page, provisional_page
from indexer.sources.recorded import Answer, Limits, NoTransactions, answers, is_packed
from indexer.store.base import Page, Store

SOURCE = "recorded"
KEPT_BYTES = 4 * 1024 * 1024  # A file up to this size is not parsed twice; parsed it takes several times as much.
MOST_KEPT_BYTES = 16 * KEPT_BYTES  # Of all named files together.


class Summary(msgspec.Struct):
    """What a replay did."""

    files: int = 0
    transactions: int = 0
    failed_transactions: int = 0  # Reported by the chain with an error: they give nothing.
    blocks: int = 0
    events: int = 0
    records: Counter[str] = msgspec.field(default_factory=Counter)  # By kind, as decoded.
    failures: Counter[str] = msgspec.field(default_factory=Counter)  # By reason.
    rows: Counter[str] = msgspec.field(default_factory=Counter)  # inserted, updated, unchanged, ...
    settled: Counter[str] = msgspec.field(default_factory=Counter)  # Slots by stream.
    unsettled: Counter[str] = msgspec.field(default_factory=Counter)  # Slots that could not be, by stream.
    waiting: int = 0  # Slots that are to be reprocessed, since reference rows changed.
    skipped: list[str] = []  # Files that were not written, with the reason.
    unavailable: list[str] = []  # Answers that say nothing about the chain, with the reason.


class Recording(msgspec.Struct, frozen=True):
    """A file that fits to its end. `kept`: its answers; None: it is large and is read again."""

    path: Path
    kept: Sequence[Answer] | None

    def answers(self, limits: Limits) -> Iterable[Answer]:
        return answers(self.path, limits) if self.kept is None else self.kept


def check(named: Sequence[Path], limits: Limits, on_file: Callable[[Path], None]) -> list[Recording]:
    """Read every named file to its end. Raises InputError at the first that does not fit."""
    fitting, room = [], MOST_KEPT_BYTES
    for path in named:
        if not path.is_file():
            raise InputError("is no file that can be read twice", place=str(path), remedy="write it to a file")
        try:
            one = _fitting(path, limits, room)
        except NoTransactions as error:
            raise InputError(str(error), remedy="name files of getTransaction or getBlock answers") from None
        room -= path.stat().st_size if one.kept is not None else 0
        fitting.append(one)
        on_file(path)
    return fitting


def _fitting(path: Path, limits: Limits, room: int = KEPT_BYTES) -> Recording:
    """Read a file to its end. Raises NoTransactions, InputError."""
    if path.stat().st_size <= min(room, KEPT_BYTES) and not is_packed(path):
        return Recording(path, list(answers(path, limits)))
    for _ in answers(path, limits):
        pass
    return Recording(path, None)


class Replay:
    """One run. `write` moves the answers of a file into the store; `summary` tells what happened."""

    def __init__(
        self,
        store: Store,
        protocols: Sequence[Protocol],
        reference: Reference,
        limits: Limits,
        *,
        page_transactions: int,
        settle: bool = False,
    ) -> None:
        self.store = store
        self.protocols = protocols
        self.reference = reference
        self.limits = limits
        self.page_transactions = page_transactions
        self.settle = settle
        self.summary = Summary()

    async def file(self, path: Path) -> None:
        """Write everything a file holds; one that does not fit is told in the summary."""
        try:
            fitting = _fitting(path, self.limits)
        except (NoTransactions, InputError) as error:
            self.summary.skipped.append(str(error))
        else:
            await self.write(fitting)

    async def write(self, file: Recording) -> None:
        """Write everything a file holds, page by page. Raises InputError if it is no longer what it was."""
        pages = 0
        try:
            for page in self._pages(file):
                written = await self.store.write(page)
                self._count(page)
                self.summary.rows.update(written.rows)
                pages += 1
                if written.outdated:
                    self.reference = await self.store.reference()
        except NoTransactions as error:
            raise InputError(f"{error}; it changed while it was read") from None
        self.summary.files += bool(pages)

    def _pages(self, file: Recording) -> Iterator[Page]:
        waiting: list[Transaction] = []
        for answer in file.answers(self.limits):
            if answer.block is not None:
                yield self._block(answer)
            elif answer.transaction is not None:
                self._seen([answer.transaction])
                waiting.append(answer.transaction)
            else:
                self.summary.unavailable.append(f"{answer.place}: {answer.unavailable}")
            if len(waiting) >= self.page_transactions:
                yield provisional_page(waiting, self.protocols, self.reference, SOURCE)
                waiting = []
        if waiting:
            yield provisional_page(waiting, self.protocols, self.reference, SOURCE)

    def _block(self, answer: Answer) -> Page:
        block = answer.block
        assert block is not None
        self.summary.blocks += 1
        self.summary.unavailable += [f"{answer.place}: {line}" for line in block.unavailable]
        self._seen(block.transactions)
        return block_page(block, self.protocols, self.reference, SOURCE, settle=self.settle)

    def _seen(self, transactions: Sequence[Transaction]) -> None:
        self.summary.transactions += len(transactions)
        self.summary.failed_transactions += sum(not tx.succeeded for tx in transactions)

    def _count(self, page: Page) -> None:
        summary = self.summary
        summary.events += len(page.events)
        summary.records.update(record.kind for record in page.records)
        summary.failures.update(failure.reason for failure in page.failures)
        summary.settled.update({name: sum(map(len, spans)) for name, spans in page.settled.items()})
        summary.unsettled.update({name: sum(map(len, spans)) for name, spans in page.unavailable.items()})
