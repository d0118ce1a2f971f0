"""Errors of the server: a code that stays, a message for people, and what to do about it.

    Trouble
    400 bad_parameter        a parameter is unknown or does not fit
    403 host_not_allowed     asked for under a name that is not ours
    404 not_found            there is nothing under this path
    405 method_not_allowed   this path answers GET and HEAD
    503 too_busy             so many requests are answered already
    503 too_slow             the query took longer than it may
    503 database_unavailable the database cannot be reached or refuses us
    503 schema_outdated      the database is of an older or newer version than this program

Programs may rely on `code`; `message` and `remedy` may be worded anew. No text holds a credential.
"""

from __future__ import annotations

import msgspec
from aiohttp import web

from indexer.redaction import redacted

CODES = {
    "bad_parameter": 400,
    "host_not_allowed": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "too_busy": 503,
    "too_slow": 503,
    "database_unavailable": 503,
    "schema_outdated": 503,
}
_RETRY_S = "2"


class Trouble(Exception):
    """A request that is not answered. `remedy`: what to do, as an imperative; None: nothing but to try again."""

    def __init__(self, code: str, message: str, remedy: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = redacted(message)
        self.remedy = remedy

    @property
    def status(self) -> int:
        return CODES[self.code]


def answer(trouble: Trouble) -> web.Response:
    """`{"error": {"code", "message", "remedy"}}`."""
    error = {"code": trouble.code, "message": trouble.message, "remedy": trouble.remedy}
    response = as_json({"error": error}, status=trouble.status)
    if trouble.status == 503:
        response.headers["Retry-After"] = _RETRY_S
    return response


def as_json(value: object, *, status: int = 200) -> web.Response:
    """Times end with Z, decimals are strings, unknown is null."""
    return web.Response(body=msgspec.json.encode(value) + b"\n", status=status, content_type="application/json")
