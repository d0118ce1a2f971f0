"""The pages as users have them: the whole server on a port of this machine, with its checks and its policy."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.http.answers import serving, settings_for


@asynccontextmanager
async def served(url: str, **http: Any) -> AsyncIterator[str]:
    """The address of the pages of this ledger, without the / at its end. `http`: settings of that section."""
    async with serving(settings_for(url, **http), url) as client:
        yield client.address.rstrip("/")
