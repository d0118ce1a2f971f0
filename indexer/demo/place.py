"""Where the demo keeps its data: a folder of its own in the data folder, which no other command writes to.

Every demo begins anew: its chain has a genesis of its own, and a ledger is of one chain for good. A folder that is not
marked as a demo's is never emptied, and two demos do not share one.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from indexer.config import Settings
from indexer.errors import InputError, StoreUnavailable
from indexer.store.embedded import EmbeddedPostgres
from indexer.store.embedded.paths import UNUSABLE_REMEDY, open_lock, try_lock

NAME, _MARK, _LOCK, _SERVER = "demo", "simulated", "demo.lock", "postgres"


@contextmanager
def emptied(settings: Settings) -> Iterator[Path]:
    """The demo's folder without an earlier demo's data, as long as the context is open: ours alone.

    Raises InputError where another demo runs or the folder is somebody else's, StoreUnavailable.
    """
    folder = settings.data.folder / NAME
    try:
        _make(folder)
        with open_lock(folder / _LOCK) as lock:
            if not try_lock(lock):
                raise InputError("a demo runs here already", place=str(folder), remedy="end it, or set PERPS_DATA_DIR")
            _empty(folder)
            yield folder
    except OSError as error:
        reason = f"cannot keep data here: {error.strerror or error}"
        raise StoreUnavailable(reason, place=str(error.filename or folder), remedy=UNUSABLE_REMEDY) from None


def _make(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()) and not (folder / _MARK).exists() and not (folder / _LOCK).exists():
        raise InputError("this folder is not empty, and no demo's", place=str(folder), remedy="set PERPS_DATA_DIR")


def _empty(folder: Path) -> None:
    (folder / _MARK).write_text(
        "Simulated data of `perps-indexer demo`. The next demo deletes them.\n", encoding="utf-8"
    )
    if (folder / _SERVER).exists():
        EmbeddedPostgres(folder / _SERVER).stop()
        shutil.rmtree(folder / _SERVER)
    for log in folder.glob("*.log"):
        log.unlink()
