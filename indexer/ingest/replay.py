"""Replay: recorded answers through the one path of everything, into the ledger.

Named files are read once before anything is written, so that a file that does not fit leaves nothing
half-written. What lies in a folder may be anything: a file without transactions is passed over and
told. Twice gives the same ledger. Nothing is settled, except whole blocks where that was asked for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from indexer.core.protocol import Protocol
from indexer.core.reference import Reference
from indexer.core.transaction import Transaction
from indexer.errors import InputError
from indexer.ingest.page import block_page, provisional_page
from indexer.sources.recorded import Answer, Limits, NoTransactions, answers
from indexer.store.base import Page, Store

SOURCE = "recorded"


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
    skipped: list[str] = []  # Files without transactions, with the reason.
    unavailable: list[str] = []  # Answers that say nothing about the chain, with the reason.


def check(named: Sequence[Path], limits: Limits, on_file: Callable[[Path], None]) -> None:
    """Read every named file to its end. Raises InputError at the first that does not fit."""
    for path in named:
        try:
            count = sum(1 for _ in answers(path, limits))
        except NoTransactions as error:
            raise InputError(str(error), remedy="name files of getTransaction or getBlock answers") from None
        if not count:
            raise InputError("holds no transactions", place=str(path))
        on_file(path)


class Replay:
    """One run. `write` moves answers of a file into the store; `summary` tells what happened."""

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
        """Write everything a file holds; a file without transactions is told in the summary."""
        pages = 0
        try:
            for page in self._pages(path):
                written = await self.store.write(page)
                self._count(page)
                self.summary.rows.update(written.rows)
                pages += 1
        except (NoTransactions, InputError) as error:
            self.summary.skipped.append(f"{error} (what stands before it is written)" if pages else str(error))
        self.summary.files += bool(pages)

    def _pages(self, path: Path) -> Iterator[Page]:
        waiting: list[Transaction] = []
        for answer in answers(path, self.limits):
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
