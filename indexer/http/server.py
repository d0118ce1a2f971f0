"""The server: routes, bounds around every request, and how it begins and ends.

What must stay true:
- Every answer goes through the same checks, in the same order: who asks, by which method, whether there is room, how
  long it may take. Errors are JSON with a code that stays; pages, and addresses that lead a browser nowhere, say it
  in words.
- It writes nothing, and shares nothing with a daemon but what that says: see `child`.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import structlog
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.typedefs import Middleware

from indexer.config import HttpSettings, Settings
from indexer.http import api, operations, pages, security
from indexer.http.catalogue import Catalogue
from indexer.http.facts import TIMEOUT_S, Observatory
from indexer.http.keys import AT_ONCE, CATALOGUE, DISK, LIVE, OBSERVATORY, POOL, RHYTHM, SETTINGS, STREAMS, Live
from indexer.http.limits import BEYOND_STATEMENT_S, AtOnce, Connections
from indexer.http.reader import explained, open_reader
from indexer.http.readiness import Rhythm
from indexer.http.security import Handler
from indexer.http.trouble import Trouble, answer
from indexer.ingest.inside import Known

_ENDS_WITHIN_S = 1.0  # For requests that are being answered when the server ends.
_MOST_LINE = 4096  # Bytes of a request's first line: a cursor and some filters.
_METHODS = ("GET", "HEAD")
_log = structlog.get_logger()

if TYPE_CHECKING:
    from indexer.http.reader import Pool


async def serve(settings: Settings, url: str, listening: socket.socket, told: AsyncIterator[Known] | None) -> None:
    """Serve on a socket that listens. `told`: what a daemon says; the server ends with it. None: until cancelled."""
    async with AsyncExitStack() as resources:
        http = settings.http
        pool = await resources.enter_async_context(
            open_reader(url, most=http.pool_max, statement_timeout_s=http.statement_timeout_s)
        )
        watching = await resources.enter_async_context(open_reader(url, most=1, statement_timeout_s=TIMEOUT_S))
        connections = Connections()
        app = application(settings, pool, watching, connections)
        runner = web.AppRunner(
            app, handler_cancellation=True, access_log=None, keepalive_timeout=10.0, shutdown_timeout=_ENDS_WITHIN_S,
            max_line_size=_MOST_LINE, max_field_size=_MOST_LINE, logger=_logger(),
        )  # fmt: skip
        await runner.setup()
        resources.push_async_callback(runner.cleanup)
        await web.SockSite(runner, listening).start()
        _log.info("http_served", address=address_of(listening), fed=told is not None)
        assert runner.server is not None, "it was set up"
        watch = asyncio.create_task(connections.watch(runner.server), name="watch connections")
        resources.callback(watch.cancel)
        if told is None:
            await asyncio.Event().wait()
        else:
            await _hear(app[LIVE], told)


def application(settings: Settings, pool: Pool, watching: Pool, connections: Connections) -> web.Application:
    """`watching`: connections of status, readiness and metrics alone."""
    http, pace = settings.http, settings.aggregates
    app = web.Application(middlewares=[_bounds(http, connections)], client_max_size=1)
    app[POOL] = pool
    app[SETTINGS] = http
    app[LIVE] = Live()
    app[CATALOGUE] = Catalogue(pool)
    app[OBSERVATORY] = Observatory(watching)
    app[AT_ONCE] = AtOnce(http.max_requests)
    app[RHYTHM] = Rhythm(rolls_s=max(pace.hours_s, pace.days_s), refresh_s=pace.refresh_s)
    app[STREAMS] = settings.run.protocols
    app[DISK] = None if settings.database.url else settings.data.folder
    app.on_response_prepare.append(security.put_headers(http))
    app.add_routes([*operations.routes(), *api.routes(), *pages.routes()])
    return app


def _bounds(settings: HttpSettings, connections: Connections) -> Middleware:
    @web.middleware
    async def bounds(request: web.Request, handler: Handler) -> web.StreamResponse:
        transport = request.transport
        connections.began(transport)
        try:
            return await _answered(settings, request, handler)
        except Trouble as trouble:
            return answer(trouble)
        finally:
            connections.ended(transport, asyncio.get_running_loop().time())

    return bounds


async def _answered(settings: HttpSettings, request: web.Request, handler: Handler) -> web.StreamResponse:
    """Raises Trouble."""
    security.check_host(settings, request.headers.get("Host", ""))
    if request.method == "OPTIONS":
        return security.preflight(settings, request)
    if request.method not in _METHODS:
        raise Trouble("method_not_allowed", f"{request.method} is not answered here", "ask with GET")
    if request.path in operations.PATHS:
        return await _routed(request, handler)
    with request.app[AT_ONCE].one():
        try:
            async with asyncio.timeout(settings.statement_timeout_s + BEYOND_STATEMENT_S):
                return await _routed(request, handler)
        except TimeoutError:
            raise Trouble("too_slow", "the answer took longer than it may", "ask for less") from None


async def _routed(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        with explained():
            return await handler(request)
    except web.HTTPNotFound:
        if _wants_page(request):
            return await pages.nowhere(request)
        raise Trouble("not_found", f"nothing is at {request.path[:100]!r}", "see /api/v1/ for tables") from None
    except web.HTTPMethodNotAllowed:
        raise Trouble("method_not_allowed", f"{request.method} is not answered here", "ask with GET") from None


def _wants_page(request: web.Request) -> bool:
    """Browsers name HTML; programs take anything, and get errors with a code, as the whole API gives them."""
    return "text/html" in request.headers.get("Accept", "") and not request.path.startswith(api.ROOT)


def _logger() -> logging.Logger:
    """Of the server's own errors, which are bugs; that somebody speaks no HTTP is none, and must not fill the log."""
    logger = logging.getLogger("indexer.http.server")
    logger.addFilter(_is_ours)
    return logger


def _is_ours(record: logging.LogRecord) -> bool:
    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))


async def _hear(live: Live, told: AsyncIterator[Known]) -> None:
    async for known in told:
        live.newest = known


def address_of(listening: socket.socket) -> str:
    """For people."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"
