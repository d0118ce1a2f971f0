"""What handlers find in the application."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import asyncpg
from aiohttp import web

from indexer.config import HttpSettings
from indexer.http.catalogue import Catalogue
from indexer.http.facts import Observatory
from indexer.http.limits import AtOnce
from indexer.http.readiness import Rhythm
from indexer.ingest.inside import Known


class Live:
    """`newest`: what the daemon said last; None: no daemon feeds this server, or it has not spoken yet."""

    def __init__(self) -> None:
        self.newest: Known | None = None


POOL: web.AppKey[asyncpg.Pool[Any]] = web.AppKey("POOL")  # Reads only: see `reader.session`.
SETTINGS = web.AppKey("SETTINGS", HttpSettings)
LIVE = web.AppKey("LIVE", Live)
CATALOGUE = web.AppKey("CATALOGUE", Catalogue)
OBSERVATORY = web.AppKey("OBSERVATORY", Observatory)
AT_ONCE = web.AppKey("AT_ONCE", AtOnce)
RHYTHM = web.AppKey("RHYTHM", Rhythm)
STREAMS: web.AppKey[tuple[str, ...]] = web.AppKey("STREAMS")  # That the settings name; empty: not told.
DISK: web.AppKey[Path | None] = web.AppKey("DISK")  # The embedded server's folder; None: the database is another's.
