"""The pages on a port of this machine, with the policy that the server sends, and nothing else of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from aiohttp import web

from indexer.http.keys import POOL
from indexer.http.pages import routes
from indexer.store.connection import SESSION

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


@asynccontextmanager
async def served(url: str, *, port: int = 0, **settings: str) -> AsyncIterator[str]:
    """The address of the pages of this ledger. `settings`: of its sessions, such as a role."""
    given = SESSION | {"default_transaction_read_only": "on", "statement_timeout": "10s"} | settings
    async with asyncpg.create_pool(url, min_size=0, max_size=4, server_settings=given) as pool:
        app = web.Application()
        app[POOL] = pool
        app.add_routes(routes())
        app.on_response_prepare.append(_with_policy)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", port)
        await site.start()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()


async def _with_policy(_: web.Request, response: web.StreamResponse) -> None:
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
