"""A PostgreSQL of a benchmark's own, gone with it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from indexer.store.embedded import EmbeddedPostgres
from tests.bench.environment import SetUpFailed


@contextmanager
def own_server() -> Iterator[tuple[Path, str]]:
    """A folder that it may read, and its address. Raises SetUpFailed."""
    with tempfile.TemporaryDirectory(prefix="perps-indexer-bench-") as name:
        folder = Path(name).resolve()
        folder.chmod(0o755)  # The server may run as another user.
        with EmbeddedPostgres(folder / "server") as server:
            if server.url is None:
                raise SetUpFailed("the server has no address")
            yield folder, server.url
