"""The new rows of a page on their way into the tables: few by single inserts, many by COPY.

The server takes longer over a row than we do. So before a table's COPY is ended, and while the server still works on
what it was sent, rows of the tables to come are encoded. What must stay true: every row is sent once, to its own table.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from indexer.store.copying import CHUNK_ROWS, END, copying
from indexer.store.rows import Table
from indexer.store.statements import query
from indexer.store.table_change import TableChange

if TYPE_CHECKING:
    from indexer.store.pool import Session

COPY_ROWS = 8  # From about here COPY is faster than single inserts: measured at 6 to 12, whatever the table.


class _Outgoing:
    """One table's rows as COPY reads them, some of them encoded before they are asked for."""

    def __init__(self, change: TableChange) -> None:
        self.table = change.table
        self.rows = len(change.new)
        self._chunks = copying(change.table).chunks(change.new)
        self._ready: deque[bytes] = deque()

    def prepare(self, rows: int) -> int:
        """Encode so many rows, or a few more. How many of them are not here: 0 or less if all are."""
        while rows > 0 and (chunk := next(self._chunks, None)) is not None:
            self._ready.append(chunk)
            rows -= CHUNK_ROWS
        return rows

    def __iter__(self) -> Iterator[bytes]:
        while self._ready:
            yield self._ready.popleft()
        yield from self._chunks


async def insert(session: Session, made: Sequence[TableChange]) -> None:
    """Insert the new rows of some tables; a row that is there is an error."""
    for change in made:
        if 0 < len(change.new) < COPY_ROWS:
            await session.executemany(_insertion(change.table), change.new)
    many = [change for change in made if len(change.new) >= COPY_ROWS]
    waiting = deque(map(_Outgoing, sorted(many, key=lambda change: len(change.new), reverse=True)))
    while waiting:
        one = waiting.popleft()
        names = copying(one.table).names
        sent = _sent(one, waiting)
        await session.copy_to_table(one.table.name, schema_name="ledger", columns=names, format="binary", source=sent)


async def _sent(one: _Outgoing, others: Iterable[_Outgoing]) -> AsyncIterator[bytes]:
    for chunk in one:
        yield chunk
    left = one.rows // 2  # The server is about so far behind.
    for other in others:
        left = other.prepare(left)
    yield END


def _insertion(table: Table) -> str:
    parameters = ", ".join(f"${place}" for place in range(1, len(table.names) + 1))
    return query("insert_row", table=table.name, columns=", ".join(table.names), parameters=parameters)
