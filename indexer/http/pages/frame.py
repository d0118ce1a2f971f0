"""What stands on every page: where one can go, of which cluster the ledger is, and what its numbers wait for.

A ledger that is not of mainnet says so on every page: nobody may take a simulated number for a true one.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from indexer.http.pages.asking import one
from indexer.report.notes import moment
from indexer.store.connection import Connection

MAINNET = "5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d"
DEVNET = "EtWTRABZaYq6iMfeYKouRu166VU2xqa1wcaWoxPkrZBG"


class Frame(msgspec.Struct, frozen=True):
    """`cluster`, `genesis_hash`: None before anything was indexed. `oldest_view`: when the oldest view was true.

    `waiting`: marks that are not rolled up yet. `failed`: aggregates that could not be brought up to date.
    """

    cluster: str | None
    genesis_hash: str | None
    version: str
    oldest_view: datetime | None
    waiting: int
    failed: int

    @property
    def warning(self) -> str | None:
        return warning_of(self.genesis_hash)

    @property
    def freshness(self) -> str:
        """How old the numbers of the page may be."""
        views = "Views were never refreshed" if self.oldest_view is None else f"Views as of {moment(self.oldest_view)}"
        waits = "nothing waits to be rolled up" if not self.waiting else f"{self.waiting:,} marks wait to be rolled up"
        failed = f"; {self.failed} aggregates could not be brought up to date" if self.failed else ""
        return f"{views}; {waits}{failed}."


def warning_of(genesis_hash: str | None) -> str | None:
    """What kind of a ledger it is, if not one of mainnet; None also before anything was indexed."""
    if genesis_hash in (None, MAINNET):
        return None
    return "devnet" if genesis_hash == DEVNET else "simulated"


async def read(connection: Connection) -> Frame:
    return Frame(**(await one(connection, "frame")))
