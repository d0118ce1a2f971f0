"""From a request to an answer: read as of one moment, rendered, then sent; a page is whole, or says why not.

What may fail by the outside is a database that is away, slow or not migrated (503), and an address that asks for what
is not there (404) or cannot be (400). Anything else is a bug, and is not answered here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from hashlib import sha256
from typing import Any, TypeVar

import asyncpg
import msgspec
import structlog
from aiohttp import ETag, web

from indexer.errors import InputError, StoreUnavailable
from indexer.http.keys import POOL
from indexer.http.pages import asking, assets, frame
from indexer.http.pages.page import Page, rendered
from indexer.redaction import redacted
from indexer.store.connection import Connection

Found = TypeVar("Found")
RETRY_S = 5
_NOT_MIGRATED = (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError, asyncpg.UndefinedFunctionError)
EXPECTED = (asking.NothingYet, asking.NotThere, InputError, StoreUnavailable, *_NOT_MIGRATED)
_log = structlog.get_logger()


class Trouble(msgspec.Struct, frozen=True):
    """Why there is no page: for people. `status`: of HTTP. `comes_again`: the browser asks again by itself."""

    status: int
    title: str
    says: str
    remedy: str
    comes_again: bool = False


NO_DAY = Trouble(
    200, "Nothing to show yet", "No day is fully covered so far, and a comparison is made of full days.",
    "`perps-indexer run` indexes the last seven days and goes on from there; "
    "`perps-indexer backfill --from DATE --to DATE` fills others. The page Coverage shows how far it is.",
)  # fmt: skip
NOWHERE = Trouble(
    404,
    "Nothing is here",
    "No page, protocol, market or example has this address.",
    "The links above lead to what there is.",
)
NO_VIEWS = Trouble(
    503, "The ledger is not ready", "The database lacks what this version of the pages reads.",
    "`perps-indexer migrate` brings it up to date.",
)  # fmt: skip
TOO_SLOW = Trouble(
    503, "The database took too long", "A query was ended at its time limit, so that it delays nobody else.",
    "Ask for fewer days, or again a little later.",
)  # fmt: skip
AWAY = Trouble(
    503,
    "The database is away",
    "It does not answer, or has no connection to spare.",
    "The page is asked for again in a few seconds.",
    comes_again=True,
)


async def page(
    request: web.Request, read: Callable[[Connection], Awaitable[Found]], made: Callable[[Found], Page]
) -> web.Response:
    """The page of what `read` finds, as HTML."""
    around: frame.Frame | None = None
    try:
        async with asking.snapshot(request.app[POOL]) as connection:
            around = await frame.read(connection)
            found = await read(connection)
    except EXPECTED as error:
        return _html(request, _troubled(request, _told(request, error)), around)
    return _html(request, made(found), around)


async def specifications(
    request: web.Request, read: Callable[[Connection], Awaitable[dict[str, Any]]]
) -> web.Response:  # fmt: skip
    """What `read` finds, as JSON."""
    try:
        async with asking.snapshot(request.app[POOL]) as connection:
            found = await read(connection)
    except EXPECTED as error:
        trouble = _told(request, error)
        status = 404 if trouble is NO_DAY else trouble.status
        body = msgspec.json.encode({"error": f"{trouble.says} {trouble.remedy}"})
        return web.Response(body=body, content_type="application/json", status=status)
    return _tagged(request, msgspec.json.encode(found), "application/json")


async def nowhere(request: web.Request) -> web.Response:
    """That there is no such page, for people."""
    around: frame.Frame | None = None
    try:
        async with asking.snapshot(request.app[POOL]) as connection:
            around = await frame.read(connection)
    except EXPECTED as error:
        _told(request, error)  # The page is not there, whatever the database says.
    return _html(request, _troubled(request, NOWHERE), around)


def file(request: web.Request, name: str) -> web.Response:
    """A file that never changes."""
    found = assets.asset(name)
    if found is None:
        return web.Response(text="There is no such file.\n", status=404)
    packed = "gzip" in request.headers.get("Accept-Encoding", "")
    headers = {"Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding"}
    if packed:
        headers["Content-Encoding"] = "gzip"
    body = found.packed if packed else found.body
    return web.Response(body=body, content_type=found.kind, charset="utf-8", headers=headers)


def _told(request: web.Request, error: Exception) -> Trouble:
    if isinstance(error, asking.NothingYet):
        return NO_DAY
    if isinstance(error, asking.NotThere):
        return NOWHERE
    if isinstance(error, InputError):
        return Trouble(400, "These days cannot be shown", f"{error}.", f"{error.remedy}." if error.remedy else "")
    _log.warning("page_unavailable", path=request.path, reason=redacted(str(error)))
    if isinstance(error, StoreUnavailable):
        return TOO_SLOW if isinstance(error.__cause__, asyncpg.QueryCanceledError) else AWAY
    return NO_VIEWS


def _troubled(request: web.Request, trouble: Trouble) -> Page:
    return Page(template="trouble", title=trouble.title, place=request.path, shown={"trouble": trouble})


def _html(request: web.Request, shown: Page, around: frame.Frame | None) -> web.Response:
    trouble = shown.shown.get("trouble")
    body = rendered(shown, around).encode()
    if trouble is None or trouble.status == 200:
        return _tagged(request, body, "text/html")
    headers = {"Cache-Control": "no-store"}
    if trouble.status == 503:
        headers["Retry-After"] = str(RETRY_S)
    if trouble.comes_again:  # Not where the query is slow: open pages would ask it again and again.
        headers["Refresh"] = str(RETRY_S)
    return web.Response(body=body, content_type="text/html", charset="utf-8", status=trouble.status, headers=headers)


def _tagged(request: web.Request, body: bytes, kind: str) -> web.Response:
    """Asked for again it costs a comparison, if it is the same."""
    tag = ETag(sha256(body).hexdigest()[:32])
    if any(known.value in (tag.value, "*") for known in request.if_none_match or ()):
        answer = web.Response(status=304)
    else:
        answer = web.Response(body=body, content_type=kind, charset="utf-8")
    answer.etag = tag
    answer.headers["Cache-Control"] = "no-cache"
    return answer
