"""The data folder of PostgreSQL, and one run of the server on it.

The caller holds the supervisor lock: nobody else makes, starts or repairs this cluster meanwhile.
"""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from indexer.children import dies_with_us
from indexer.errors import StoreUnavailable
from indexer.store.embedded.binaries import ENVIRONMENT, Account, Binaries
from indexer.store.embedded.paths import UNUSABLE_REMEDY, Paths, write_private

USER = "postgres"
DATABASE = "perps"
READY_TIMEOUT_S = 120.0  # Recovery after a crash replays at most max_wal_size.
_TAKEN = ("could not bind", "could not create any TCP")  # Of a port that was free a moment before.
_NOT_GONE = "still in use"  # Of a killed server's memory, while one of its backends has not yet gone. The port is ours.
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "TimeZone": "UTC",
    "log_timezone": "UTC",
    "max_wal_size": "4GB",  # Fewer checkpoints while history is written.
    "wal_compression": "on",
    "max_locks_per_transaction": "256",  # A query over all partitions locks each of them, indexes too.
}


def create(paths: Paths, binaries: Binaries, account: Account) -> None:
    """Make the cluster unless it exists: UTF-8, sorted bytewise, with checksums and a random password."""
    if paths.cluster.exists():
        return
    unfinished = paths.folder / "cluster.new"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    account.own(unfinished)
    password = secrets.token_urlsafe(24)
    _initdb(paths.folder / "initdb.password", password, unfinished, binaries, account)
    _create_database(unfinished, binaries, account)
    write_private(paths.password, password)
    unfinished.rename(paths.cluster)


def start(
    paths: Paths, binaries: Binaries, account: Account, port: int | None
) -> tuple["subprocess.Popen[bytes]", int]:
    """Start the server and wait until it accepts connections: the process and its port.

    `port` is used if it is free. A leftover of an earlier run is ended first. Raises StoreUnavailable.
    """
    end_leftover(paths.cluster)
    deadline = time.monotonic() + READY_TIMEOUT_S
    while True:
        port = port if port and _is_free(port) else _free_port()
        server = _spawn(paths, binaries, account, port)
        if _is_ready(server, paths.cluster, deadline):
            return server, port
        words = _last_words(paths.log)
        may_pass = any(sign in words for sign in (*_TAKEN, _NOT_GONE))
        if server.poll() is None or time.monotonic() > deadline or not may_pass:
            stop(server)
            raise StoreUnavailable(f"the embedded server did not start: {words}", place=str(paths.log))
        if _NOT_GONE not in words:
            port = None
        time.sleep(0.2)


def stop(server: "subprocess.Popen[bytes]") -> None:
    """Stop fast (clients are cut off, nothing committed is lost); at once if that takes over 30 s."""
    for way, patience_s in ((signal.SIGINT, 30.0), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 10.0)):
        if server.poll() is not None:
            return
        server.send_signal(way)
        try:
            server.wait(patience_s)
        except subprocess.TimeoutExpired:
            continue


def end_leftover(cluster: Path) -> None:
    """End a server whose supervisor died; forget a pid file whose pid now belongs to somebody else.

    PostgreSQL believes a pid file if any process of ours has that pid, and then refuses to start.
    """
    pid_file = cluster / "postmaster.pid"
    pid = _pid_in(pid_file)
    if pid is None or not _alive(pid):
        return  # Absent, or stale in a way that PostgreSQL sees by itself.
    if not _serves(pid, cluster):
        pid_file.unlink(missing_ok=True)
        return
    for way, patience_s in ((signal.SIGINT, 30.0), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 10.0)):
        os.kill(pid, way)
        if _wait(lambda: not _serves(pid, cluster), patience_s):
            return


def _initdb(password_file: Path, password: str, target: Path, binaries: Binaries, account: Account) -> None:
    write_private(password_file, password)
    account.own(password_file)
    command = [binaries.program("initdb"), "-D", str(target), "-U", USER, f"--pwfile={password_file}"]
    command += ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--data-checksums", "--no-instructions"]
    try:
        _run(command, account)
    finally:
        password_file.unlink(missing_ok=True)


def _create_database(cluster: Path, binaries: Binaries, account: Account) -> None:
    command = [binaries.program("postgres"), "--single", "-D", str(cluster), "template1"]
    _run(command, account, f"CREATE DATABASE {DATABASE}\n")


def _run(command: list[str], account: Account, text: str | None = None) -> None:
    options: dict[str, Any] = {"env": ENVIRONMENT, "cwd": "/", "umask": 0o077, **account.options()}
    done = subprocess.run(command, capture_output=True, text=True, input=text, check=False, **options)
    if done.returncode:
        lines = (done.stderr or done.stdout).splitlines()
        worst = [line for line in lines if "PANIC" in line or "FATAL" in line or "error:" in line] or lines[-3:]
        why = " ".join(" ".join(worst[-1:]).split()) or "no word why"
        raise StoreUnavailable(
            f"{Path(command[0]).name} failed with code {done.returncode}: {why[-500:]}", remedy=UNUSABLE_REMEDY
        )


def _spawn(paths: Paths, binaries: Binaries, account: Account, port: int) -> "subprocess.Popen[bytes]":
    command = [binaries.program("postgres"), "-D", str(paths.cluster)]
    for name, value in {**SETTINGS, "port": str(port)}.items():
        command += ["-c", f"{name}={value}"]
    options: dict[str, Any] = {"env": ENVIRONMENT, "cwd": "/", "umask": 0o077, **account.options()}
    with paths.open_log() as log:
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=dies_with_us(signal.SIGINT), **options
        )


def _is_ready(server: "subprocess.Popen[bytes]", cluster: Path, deadline: float) -> bool:
    """The server writes its status into the 8th line of its pid file. False: it has gone or takes too long."""
    while server.poll() is None and time.monotonic() < deadline:
        lines = _lines(cluster / "postmaster.pid")
        if len(lines) >= 8 and lines[0] == str(server.pid) and lines[7].strip() == "ready":
            return True
        time.sleep(0.01)
    return False


def _last_words(log: Path) -> str:
    fatal = [line for line in _lines(log)[-20:] if "FATAL" in line or "could not" in line]
    return (fatal or _lines(log)[-1:] or ["no word in its log"])[-1].strip()


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return []


def _pid_in(pid_file: Path) -> int | None:
    first = _lines(pid_file)[:1]
    return int(first[0]) if first and first[0].strip().isdigit() else None


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _serves(pid: int, cluster: Path) -> bool:
    """Whether `pid` is a server on `cluster`, by its command line."""
    return _alive(pid) and f"-D\0{cluster}\0" in _command_line(pid)


def _command_line(pid: int) -> str:
    """The arguments of a process, each ended by a NUL; empty for a zombie."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    except FileNotFoundError:
        pass
    out = subprocess.run(["/bin/ps", "-p", str(pid), "-o", "command="], capture_output=True, text=True, check=False)
    return out.stdout.replace(" -D ", " -D\0").replace(" -c ", "\0-c ")


def _wait(done: Callable[[], bool], patience_s: float) -> bool:
    deadline = time.monotonic() + patience_s
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # As PostgreSQL does: TIME_WAIT is free.
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
