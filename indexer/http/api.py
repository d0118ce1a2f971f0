"""The JSON API: every view of schema perps as a table under /api/v1/, page by page.

/api/v1/               which tables there are
/api/v1/{table}        rows: ?limit, ?order, ?cursor, ?from, ?to, and a filter for each column that has one
/api/v1/openapi.json   all of that, for programs
"""

from __future__ import annotations

from aiohttp import web

from indexer.http.asked import asked, sealed
from indexer.http.keys import CATALOGUE, POOL, SETTINGS
from indexer.http.openapi import document
from indexer.http.reader import session
from indexer.http.selection import page, statement
from indexer.http.tables import TABLES
from indexer.http.trouble import Trouble, as_json

ROOT = "/api/v1/"


def routes() -> list[web.RouteDef]:
    return [
        web.get(ROOT, index),
        web.get(f"{ROOT}openapi.json", openapi),
        web.get(f"{ROOT}{{table}}", rows),
    ]


async def index(request: web.Request) -> web.Response:
    without_parameters(request)
    relations = await request.app[CATALOGUE].relations()
    tables = [
        {"name": name, "path": ROOT + name, "description": relations[name].says} for name in TABLES if name in relations
    ]
    return as_json({"tables": tables, "openapi": f"{ROOT}openapi.json"})


async def openapi(request: web.Request) -> web.Response:
    without_parameters(request)
    return as_json(document(await request.app[CATALOGUE].relations(), request.app[SETTINGS].max_rows))


async def rows(request: web.Request) -> web.Response:
    app = request.app
    name = request.match_info["table"]
    relation = await app[CATALOGUE].relation(name)
    table = TABLES[name]
    wish = asked(table, relation, list(request.query.items()), app[SETTINGS].max_rows)
    wanted = statement(table, relation, wish)
    async with session(app[POOL]) as connection:
        found = await connection.fetch(wanted.text, *wanted.values)
    shown, last = page(table, relation, wish, [tuple(row.values()) for row in found])
    following = None if last is None else sealed(table, wish.order, last)
    return as_json({"table": name, "rows": shown, "next": following})


def without_parameters(request: web.Request) -> None:
    """Raises Trouble."""
    for name in request.query:
        raise Trouble("bad_parameter", f"{request.path} has no parameter {name[:100]!r}", "leave it out")
