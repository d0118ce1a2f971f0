"""Where the pages are: one handler for each address, which says what is read for it and what is made of it."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from indexer.http.pages import (
    answering,
    assets,
    coverage,
    drawn,
    examples,
    liquidations,
    market,
    overview,
    period,
    protocol,
)
from indexer.store.connection import Connection


def routes() -> list[web.RouteDef]:
    """To be mounted in an application that has a POOL."""
    return [
        web.get("/", _overview),
        web.get("/protocol/{protocol}", _protocol),
        web.get("/market/{protocol}/{market}", _market),
        web.get("/liquidations", _liquidations),
        web.get("/coverage", _coverage),
        web.get("/examples", _examples),
        web.get("/examples/{name}", _example),
        web.get("/charts/overview.json", _overview_charts),
        web.get("/charts/liquidations.json", _liquidations_charts),
        web.get("/charts/protocol/{protocol}.json", _protocol_charts),
        web.get("/charts/market/{protocol}/{market}.json", _market_charts),
        web.get("/static/{name}", _static),
        web.get("/favicon.ico", _icon),
    ]


async def _overview(request: web.Request) -> web.Response:
    async def read(connection: Connection) -> overview.Found:
        return await overview.read(connection, period.asked(request.query))

    return await answering.page(request, read, overview.page)


async def _protocol(request: web.Request) -> web.Response:
    async def read(connection: Connection) -> protocol.Found:
        return await protocol.read(connection, period.asked(request.query), request.match_info["protocol"])

    return await answering.page(request, read, protocol.page)


async def _market(request: web.Request) -> web.Response:
    async def read(connection: Connection) -> market.Found:
        return await _found_market(connection, request)

    return await answering.page(request, read, market.page)


async def _liquidations(request: web.Request) -> web.Response:
    async def read(connection: Connection) -> liquidations.Found:
        return await liquidations.read(connection, period.asked(request.query))

    return await answering.page(request, read, liquidations.page)


async def _coverage(request: web.Request) -> web.Response:
    return await answering.page(request, coverage.read, coverage.page)


async def _examples(request: web.Request) -> web.Response:
    async def read(_: Connection) -> None:
        """The questions are files."""

    return await answering.page(request, read, lambda _: examples.listing())


async def _example(request: web.Request) -> web.Response:
    async def read(connection: Connection) -> examples.Found:
        return await examples.read(connection, request.match_info["name"])

    return await answering.page(request, read, examples.page)


async def _overview_charts(request: web.Request) -> web.Response:
    async def read(connection: Connection) -> dict[str, Any]:
        return drawn.specs(await overview.read_drawings(connection, period.asked(request.query)))

    return await answering.specifications(request, read)


async def _liquidations_charts(request: web.Request) -> web.Response:
    async def read(connection: Connection) -> dict[str, Any]:
        return drawn.specs(await liquidations.read_drawings(connection, period.asked(request.query)))

    return await answering.specifications(request, read)


async def _protocol_charts(request: web.Request) -> web.Response:
    async def read(connection: Connection) -> dict[str, Any]:
        name = request.match_info["protocol"]
        return drawn.specs(await protocol.read_drawings(connection, period.asked(request.query), name))

    return await answering.specifications(request, read)


async def _market_charts(request: web.Request) -> web.Response:
    async def read(connection: Connection) -> dict[str, Any]:
        return drawn.specs(market.drawings(await _found_market(connection, request)))

    return await answering.specifications(request, read)


async def _found_market(connection: Connection, request: web.Request) -> market.Found:
    place = request.match_info
    return await market.read(connection, period.asked(request.query), place["protocol"], place["market"])


async def _static(request: web.Request) -> web.Response:
    return answering.file(request, request.match_info["name"])


async def _icon(_: web.Request) -> web.Response:
    """Some browsers ask for it by this name, whatever a page says."""
    return web.Response(status=302, headers={"Location": assets.address("icon.svg")})
