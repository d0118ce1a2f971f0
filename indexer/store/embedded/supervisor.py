"""The process between clients and server: starts the server, watches the leases, stops it after the last.

It is a process of its own, since nothing inside a client survives the client's SIGKILL. It reports
one JSON line on standard output, {"port"} or {"error", "kind", ...}, and is silent afterwards.
"""

import json
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from subprocess import Popen
from typing import TextIO

from indexer.errors import PerpsIndexerError, StoreUnavailable
from indexer.store.embedded import cluster
from indexer.store.embedded.binaries import Account, Binaries, account_for, check_version, installed
from indexer.store.embedded.paths import UNUSABLE_REMEDY, Paths, lock, open_lock, try_lock, unlock, write_private

WATCH_EVERY_S = 0.1
# A server that died by itself is started again for as long as somebody needs it: a full disk, of which it dies, may
# have room again. Starts that follow each other quickly wait longer and longer.
FIRST_PAUSE_S, MOST_PAUSE_S = 0.25, 5.0
STEADY_S = 60.0
LOG_ROTATES_AT = 16 * 1024 * 1024  # Bytes.


def main(arguments: list[str]) -> int:
    """Arguments: the folder of the server, and the folder of its programs if they are not the wheel's."""
    asked_to_stop: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _frame: asked_to_stop.append(number))
    paths = Paths(Path(arguments[0]))
    try:
        with open_lock(paths.supervisor_lock) as living:
            lock(living, timeout_s=2.0)  # Those who only look hold it for a moment.
            living.truncate(0)
            print(os.getpid(), file=living, flush=True)
            Supervisor(paths, Path(arguments[1]) if len(arguments) > 1 else None, asked_to_stop).run()
    except PerpsIndexerError as error:
        _report(error=error.message, kind=type(error).__name__, place=error.place, remedy=error.remedy)
        return 1
    except OSError as error:
        what, place = f"cannot keep data here: {error.strerror or error}", error.filename or str(paths.folder)
        _report(error=what, kind=StoreUnavailable.__name__, place=place, remedy=UNUSABLE_REMEDY)
        return 1
    return 0


class Supervisor:
    """One life of the server, restarts after a crash included. The caller holds the supervisor lock."""

    def __init__(self, paths: Paths, programs: Path | None, asked_to_stop: list[int]) -> None:
        self.paths = paths
        self.asked_to_stop = asked_to_stop
        self.account: Account = account_for(paths.cluster)
        self.binaries: Binaries = installed(paths, self.account, programs)
        self.tried_at = time.monotonic()  # To start the server, the last time.
        self.pause_s = 0.0

    def run(self) -> None:
        self.paths.state.unlink(missing_ok=True)  # Left by a supervisor that was killed.
        check_version(self.paths.cluster, self.binaries.major())
        _rotate(self.paths.log)
        cluster.create(self.paths, self.binaries, self.account)
        server = self._start()
        try:
            with open_lock(self.paths.users_lock) as users:
                _report(port=self.paths.read_port())
                server = self._watch(server, users)
                self.paths.state.unlink(missing_ok=True)  # Before it stops: no client may take it for a running one.
                cluster.stop(server)
        finally:
            self.paths.state.unlink(missing_ok=True)
            cluster.stop(server)

    def _start(self) -> "Popen[bytes]":
        server, port = cluster.start(self.paths, self.binaries, self.account, self.paths.read_port())
        try:
            write_private(self.paths.port, str(port))
            write_private(self.paths.state, json.dumps({"port": port, "pid": server.pid}))
        except OSError:
            cluster.stop(server)  # Nobody would find it.
            raise
        return server

    def _watch(self, server: "Popen[bytes]", users: TextIO) -> "Popen[bytes]":
        """Return when nobody needs the server any more; `users` is then locked, so that nobody new comes in."""
        while not self.asked_to_stop:
            if not self.paths.keep.exists() and try_lock(users):
                if not self.paths.keep.exists():
                    break
                unlock(users)
            if server.poll() is not None and time.monotonic() >= self.tried_at + self.pause_s:
                server = self._start_again(server)
            time.sleep(WATCH_EVERY_S)
        return server

    def _start_again(self, dead: "Popen[bytes]") -> "Popen[bytes]":
        """A new server in place of the dead one; the dead one if none can be started now."""
        now = time.monotonic()
        is_steady = now - self.tried_at > STEADY_S
        self.pause_s = 0.0 if is_steady else min(max(FIRST_PAUSE_S, 2 * self.pause_s), MOST_PAUSE_S)
        self.tried_at = now
        try:
            return self._start()
        except (PerpsIndexerError, OSError):
            return dead


def _report(**fields: object) -> None:
    with suppress(BrokenPipeError):  # The client has died; the lease it held will end us.
        print(json.dumps(fields), flush=True)  # noqa: T201 (this is the protocol with the client)
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, sys.stdout.fileno())
    os.close(silence)


def _rotate(log: Path) -> None:
    if log.exists() and log.stat().st_size > LOG_ROTATES_AT:
        log.replace(log.with_name(f"{log.name}.1"))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
