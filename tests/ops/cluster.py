"""The service `postgres` of docker-compose.yml without docker: the embedded programs, run as its image runs them."""

from __future__ import annotations

import os
import shlex
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from indexer.store.embedded.binaries import account_for, bundled, installed
from indexer.store.embedded.paths import Paths
from tests.ops.compose import command, environment

PATIENCE_S = 60.0


@contextmanager
def running(service: Mapping[str, Any], folder: Path) -> Iterator[dict[str, str]]:
    """Where it is: what libpq's programs read from the environment."""
    account = account_for(folder / "cluster")
    programs = installed(Paths(folder), account, None)
    given, port = environment(service), free_port()
    (folder / "password").write_text(given["POSTGRES_PASSWORD"])
    for path in (folder, folder / "password"):
        account.own(path)
    options: dict[str, Any] = {"cwd": "/", "env": {"TZ": given["TZ"]}, **account.options()}
    made = [programs.program("initdb"), "-D", str(folder / "cluster"), "--username", given["POSTGRES_USER"]]
    made += [f"--pwfile={folder / 'password'}", "--auth=scram-sha-256", *shlex.split(given["POSTGRES_INITDB_ARGS"])]
    subprocess.run(made, check=True, capture_output=True, **options)
    name, *arguments = command(service)
    started = [programs.program(name), "-D", str(folder / "cluster"), *arguments]
    started += ["-c", f"port={port}", "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]
    server = subprocess.Popen(started, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)
    at = {"PGHOST": "127.0.0.1", "PGPORT": str(port), "PGUSER": given["POSTGRES_USER"]}
    at |= {"PGPASSWORD": given["POSTGRES_PASSWORD"], "PGDATABASE": "postgres"}
    try:
        _wait(at)
        libpq(["psql", "--command", f"CREATE DATABASE {given['POSTGRES_DB']}"], at)
        yield at | {"PGDATABASE": given["POSTGRES_DB"]}
    finally:
        server.send_signal(signal.SIGINT)  # Fast: clients are cut off.
        server.wait()


def libpq(arguments: Sequence[str], at: Mapping[str, str], *, text: str | None = None) -> str:
    """A program of PostgreSQL to its end: what it prints."""
    name, *others = arguments
    program = bundled(name)
    assert program is not None
    done = subprocess.run(
        [program, *others], env={**os.environ, **at}, capture_output=True, text=True, input=text, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(at: Mapping[str, str]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    program = bundled("pg_isready")
    assert program is not None
    while subprocess.run([program, "--quiet"], env={**os.environ, **at}, check=False).returncode:
        assert time.monotonic() < deadline, "the server is not there"
        time.sleep(0.05)
