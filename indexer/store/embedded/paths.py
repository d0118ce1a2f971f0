"""The files of an embedded server, all in one folder, and the locks that say who uses it.

A lock is a flock on an open file: the kernel releases it when its holder dies, however it dies.
"""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TextIO

from indexer.errors import StoreUnavailable

UNUSABLE_REMEDY = "set PERPS_DATA_DIR to a folder you may write to, with room on its disk, or set DATABASE_URL"


@dataclass(frozen=True, slots=True)
class Paths:
    """`folder` belongs to the embedded server alone."""

    folder: Path

    @property
    def cluster(self) -> Path:
        return self.folder / "cluster"

    @property
    def binaries(self) -> Path:
        return self.folder / "binaries"

    @property
    def password(self) -> Path:
        return self.folder / "password"

    @property
    def log(self) -> Path:
        return self.folder / "server.log"

    @property
    def state(self) -> Path:
        """JSON {"port", "pid"}, true while it exists and a supervisor lives."""
        return self.folder / "server.json"

    @property
    def port(self) -> Path:
        """The port of the last run, taken again if it is free: URLs people noted down stay true."""
        return self.folder / "port"

    @property
    def keep(self) -> Path:
        """Exists: the server stays without clients."""
        return self.folder / "keep"

    @property
    def stopped(self) -> Path:
        """Exists: it was stopped for everybody, and stays so until somebody starts it."""
        return self.folder / "stopped"

    @property
    def start_lock(self) -> Path:
        """Exclusive: one process at a time starts or stops the server."""
        return self.folder / "start.lock"

    @property
    def users_lock(self) -> Path:
        """Shared: a client. Exclusive: the supervisor, which then knows that there is no client."""
        return self.folder / "users.lock"

    @property
    def supervisor_lock(self) -> Path:
        """Exclusive, and holds the supervisor's pid: a supervisor lives."""
        return self.folder / "supervisor.lock"

    def open_log(self) -> BinaryIO:
        """For appending. The log may quote statements, so nobody else may read it."""
        return os.fdopen(os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab")

    def read_state(self) -> dict[str, Any] | None:
        """None: absent or cut short by a crash."""
        try:
            state = json.loads(self.state.read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return None
        return state if isinstance(state, dict) else None

    def read_port(self) -> int | None:
        try:
            return int(self.port.read_text())
        except (FileNotFoundError, ValueError):
            return None

    def read_password(self) -> str:
        return self.password.read_text().strip()


def write_private(path: Path, text: str) -> None:
    """Replace `path` whole; nobody but its owner may read it."""
    beside = path.with_name(f"{path.name}.new")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def open_lock(path: Path) -> TextIO:
    """The file to lock. It is never deleted: two processes would lock two files of one name."""
    return path.open("a+")


def try_lock(file: TextIO, *, shared: bool = False) -> bool:
    try:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def unlock(file: TextIO) -> None:
    fcntl.flock(file, fcntl.LOCK_UN)


def lock(file: TextIO, *, shared: bool = False, timeout_s: float) -> None:
    """Raises StoreUnavailable after `timeout_s` seconds."""
    deadline = time.monotonic() + timeout_s
    while not try_lock(file, shared=shared):
        if time.monotonic() > deadline:
            raise StoreUnavailable(
                f"another process has held this lock for {timeout_s:.0f} s",
                place=str(file.name),
                remedy="look for a process that hangs in a start or stop of the embedded server",
            )
        time.sleep(0.02)


@contextmanager
def held(path: Path, *, timeout_s: float) -> Iterator[None]:
    with open_lock(path) as file:
        lock(file, timeout_s=timeout_s)
        yield


def is_held(path: Path) -> bool:
    """Whether some process holds the exclusive lock."""
    with open_lock(path) as file:
        return not try_lock(file, shared=True)
