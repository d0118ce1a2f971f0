"""The client's side: a lease on the embedded server, and the commands to keep and to stop it.

Nothing here blocks for long, except a first start (about a second) and recovery after a crash. From
asyncio call it in a thread: `await asyncio.to_thread(server.start)`.
"""

import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO
from urllib.parse import quote, urlsplit

import indexer
from indexer.errors import PerpsIndexerError, SchemaError, StoreUnavailable
from indexer.store.embedded.binaries import account_for, check_reachable
from indexer.store.embedded.cluster import DATABASE, USER
from indexer.store.embedded.paths import UNUSABLE_REMEDY, Paths, held, is_held, lock, open_lock, try_lock, unlock

START_TIMEOUT_S = 180.0
STOP_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Status:
    """`port` and `pid` None: not running."""

    folder: Path
    port: int | None
    pid: int | None
    stays: bool  # Runs on without clients, until it is stopped.


class EmbeddedPostgres:
    """A lease on the server in `folder`, a folder that is the server's alone.

    `programs`: the folder of another PostgreSQL's programs, instead of the wheel's.
    """

    def __init__(self, folder: Path, *, programs: Path | None = None) -> None:
        self._paths = Paths(folder.expanduser().resolve())
        self._programs = programs
        self._lease: TextIO | None = None
        self._supervisor: subprocess.Popen[bytes] | None = None  # If it is our child.

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: object, _trace: TracebackType | None) -> None:
        self.release()

    @property
    def url(self) -> str | None:
        """With the password, so never to be logged. None: not running. Raises StoreUnavailable."""
        try:
            state = self._state()
            password = quote(self._paths.read_password(), safe="") if state else ""
        except OSError as error:
            raise self._unusable(error) from None
        if state is None:
            return None
        return f"postgresql://{USER}:{password}@127.0.0.1:{state['port']}/{DATABASE}"

    def status(self) -> Status:
        """Raises StoreUnavailable where the folder may not be read."""
        try:
            state = self._state() or {}
            return Status(self._paths.folder, state.get("port"), state.get("pid"), self._paths.keep.exists())
        except OSError as error:
            raise self._unusable(error) from None

    def start(self) -> str:
        """Take a lease and return the URL; the server starts if it does not run.

        Raises StoreUnavailable, or SchemaError for data of another major version.
        """
        self._make_folder()
        try:
            with held(self._paths.start_lock, timeout_s=START_TIMEOUT_S):
                self._paths.stopped.unlink(missing_ok=True)
                lease = self._lease = self._lease or open_lock(self._paths.users_lock)
                lock(lease, shared=True, timeout_s=STOP_TIMEOUT_S)  # Waits for a supervisor about to end.
                return self._running()
        except OSError as error:
            self._drop_lease()
            raise self._unusable(error) from None
        except BaseException:
            self._drop_lease()
            raise

    def release(self) -> None:
        """Give the lease back. The last client waits until the server has stopped, unless it stays."""
        self._drop_lease()
        _until(lambda: not is_held(self._paths.supervisor_lock) or self._wanted(), STOP_TIMEOUT_S)
        if self._supervisor is not None:
            self._supervisor.poll()  # Leaves no zombie behind.

    def keep(self) -> str:
        """Start it to stay without clients, until `stop`."""
        self._make_folder()
        kept = self._paths.keep.exists()
        try:
            self._paths.keep.touch()
            return self.start()
        except OSError as error:
            raise self._unusable(error) from None
        except PerpsIndexerError:
            if not kept:
                self._paths.keep.unlink(missing_ok=True)
            raise

    def has_died(self) -> bool:
        """Whether it ended though somebody needs it: neither it nor its supervisor is there, and nobody stopped it."""
        return not self._paths.stopped.exists() and not is_held(self._paths.supervisor_lock)

    def stop(self) -> bool:
        """Stop it for everybody, until somebody starts it. False: it did not run."""
        try:
            if not self._paths.folder.exists():
                return False
            with held(self._paths.start_lock, timeout_s=START_TIMEOUT_S):
                self._paths.keep.unlink(missing_ok=True)
                self._paths.stopped.touch()
                return self._stop_supervisor()
        except OSError as error:
            raise self._unusable(error) from None

    def _stop_supervisor(self) -> bool:
        if not is_held(self._paths.supervisor_lock):
            return False
        os.kill(int(self._paths.supervisor_lock.read_text()), signal.SIGTERM)
        if not _until(lambda: not is_held(self._paths.supervisor_lock), STOP_TIMEOUT_S):
            raise StoreUnavailable(f"the server did not stop within {STOP_TIMEOUT_S:.0f} s", place=str(self._paths.log))
        return True

    def _state(self) -> dict[str, Any] | None:
        if not self._paths.supervisor_lock.exists() or not is_held(self._paths.supervisor_lock):
            return None
        return self._paths.read_state()

    def _running(self) -> str:
        """The URL of a running server; the caller holds the start lock and a lease."""
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            if (url := self.url) and _answers(url):
                return url
            if not is_held(self._paths.supervisor_lock):
                self._spawn_supervisor()
            time.sleep(0.02)  # Another client's supervisor starts or stops just now.
        raise StoreUnavailable(f"no server after {START_TIMEOUT_S:.0f} s", place=str(self._paths.log))

    def _spawn_supervisor(self) -> None:
        """Returns when the server accepts connections."""
        command = [sys.executable, "-m", "indexer.store.embedded.supervisor", str(self._paths.folder)]
        command += [str(self._programs)] if self._programs else []
        package = Path(indexer.__file__).resolve().parent.parent  # The same code, wherever it was imported from.
        inherited = os.environ.get("PYTHONPATH")
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(package), *([inherited] if inherited else [])])}
        options: dict[str, Any] = {"env": environment, "cwd": "/", "start_new_session": True}
        with self._paths.open_log() as log:
            process = self._supervisor = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, **options
            )
        assert process.stdout is not None, "a pipe was asked for"
        with process.stdout as answers:
            ready, _, _ = select.select([answers], [], [], START_TIMEOUT_S)
            answer = answers.readline() if ready else b""
        _check(answer, self._paths)

    def _wanted(self) -> bool:
        """Whether the server stays, or another client holds a lease."""
        if self._paths.keep.exists():
            return True
        with open_lock(self._paths.users_lock) as users:
            if try_lock(users):
                unlock(users)
                return False
            return try_lock(users, shared=True)  # Not even shared: the supervisor has it, and is about to end.

    def _drop_lease(self) -> None:
        if self._lease is not None:
            self._lease.close()
            self._lease = None

    def _make_folder(self) -> None:
        folder = self._paths.folder
        try:
            check_reachable(folder, account_for(self._paths.cluster))
            for missing in reversed([path for path in (folder, *folder.parents) if not path.exists()]):
                missing.mkdir(exist_ok=True)  # Another client may be making it just now, and sets the same mode.
                missing.chmod(0o755 if os.geteuid() == 0 else 0o700)  # As root the server's user must enter it.
        except OSError as error:
            raise self._unusable(error) from None

    def _unusable(self, error: OSError) -> StoreUnavailable:
        return StoreUnavailable(
            f"cannot keep data here: {error.strerror or error}",
            place=str(error.filename or self._paths.folder),
            remedy=UNUSABLE_REMEDY,
        )


def _check(answer: bytes, paths: Paths) -> None:
    """Raise what the supervisor reported."""
    if not answer:
        raise StoreUnavailable("the embedded server's supervisor ended without a word", place=str(paths.log))
    report = json.loads(answer)
    if "error" in report:
        kind = SchemaError if report["kind"] == SchemaError.__name__ else StoreUnavailable
        raise kind(report["error"], place=report.get("place"), remedy=report.get("remedy"))


def _answers(url: str) -> bool:
    """Whether a live server takes new connections: it must answer the first packet, a request for TLS.

    A connect alone proves nothing: the kernel accepts for a process that is being killed.
    """
    request = struct.pack("!ii", 8, 80877103)
    try:
        with socket.create_connection(("127.0.0.1", urlsplit(url).port or 0), timeout=5.0) as probe:
            probe.sendall(request)
            return probe.recv(1) in (b"N", b"S")
    except OSError:
        return False


def _until(done: Callable[[], bool], patience_s: float) -> bool:
    deadline = time.monotonic() + patience_s
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.03)
    return True
