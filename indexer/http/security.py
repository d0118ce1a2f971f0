"""Who may ask, and what a browser may do with the answer.

What must stay true:
- A name in Host that is not ours is refused, whatever is asked: a page of a stranger may resolve its own name to this
  address, and would then read everything (DNS rebinding). An address in Host cannot be made so.
- Every answer has the same policy: no script, style or connection but our own, no frame around it.
- Another origin reads an answer only where the settings name it.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from ipaddress import ip_address

from aiohttp import web

from indexer.config import HttpSettings
from indexer.http.trouble import Trouble

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Server": "perps-indexer",
}
METHODS = "GET, HEAD, OPTIONS"
_HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[^:\[\]]*)(?::\d{1,5})?")


def check_host(settings: HttpSettings, host: str) -> None:
    """`host`: the header. Raises Trouble."""
    found = _HOST.fullmatch(host)
    name = found["name"].strip("[]").lower().rstrip(".") if found else ""
    if name == "localhost" or is_address(name) or name in {one.lower() for one in (settings.host, *settings.hosts)}:
        return
    raise Trouble(
        "host_not_allowed", f"this server has no name {name[:100]!r}", "add it to [http] hosts in the settings"
    )


def is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def sharing(settings: HttpSettings, origin: str | None) -> dict[str, str]:
    """Headers that let a page of `origin` read the answer; none where the settings do not name it."""
    if not settings.cors_origins:
        return {}
    if origin is None or not {origin, "*"} & set(settings.cors_origins):
        return {"Vary": "Origin"}
    return {
        "Vary": "Origin",
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Expose-Headers": "Retry-After",
    }


def preflight(settings: HttpSettings, request: web.Request) -> web.Response:
    """The answer to OPTIONS."""
    headers = {"Allow": METHODS}
    if "Access-Control-Allow-Origin" in sharing(settings, request.headers.get("Origin")):
        headers |= {"Access-Control-Allow-Methods": METHODS, "Access-Control-Max-Age": "600"}
    return web.Response(status=204, headers=headers)


def put_headers(settings: HttpSettings) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    """A signal for `on_response_prepare`: it reaches errors of the server itself as well."""

    async def put(request: web.Request, response: web.StreamResponse) -> None:
        response.headers.update(HEADERS)
        response.headers.update(sharing(settings, request.headers.get("Origin")))
        response.headers.setdefault("Cache-Control", "no-store")

    return put
