"""Hand a terminal to psql, on the current database. The password travels in its environment only."""

import os
import shutil
import signal
import subprocess
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

from indexer.errors import InputError
from indexer.store.embedded.binaries import bundled


def run_psql(url: str) -> int:
    """Its exit code. Raises InputError if there is no psql."""
    program = shutil.which("psql") or bundled("psql")
    if program is None:
        raise InputError("there is no psql here", remedy='give a query: perps-indexer sql "select ..."')
    bare, password = without_password(url)
    environment = {**os.environ, **({"PGPASSWORD": password} if password is not None else {})}
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for psql: it cancels a query.
    try:
        return subprocess.run([program, bare], env=environment, check=False).returncode
    finally:
        signal.signal(signal.SIGINT, before)


def without_password(url: str) -> tuple[str, str | None]:
    """The URL without its password, and the password; None: it has none."""
    parts = urlsplit(url)
    user, at, hosts = parts.netloc.rpartition("@")
    name, _, secret = user.partition(":")
    options = parse_qsl(parts.query, keep_blank_values=True)
    query = urlencode([(key, value) for key, value in options if key != "password"])
    password = dict(options).get("password") or (unquote(secret) if secret else None)
    return urlunsplit(parts._replace(netloc=f"{name}{at}{hosts}", query=query)), password
