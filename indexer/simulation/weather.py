"""What can happen to an HTTP answer on its way, by the faults that are on: refused, limited, broken, slow, cut."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import msgspec

from indexer.simulation.exchange import Answer, Ending
from indexer.simulation.faults import Fault, Faults

FOREVER_S = 1e9
_DEAR = (b'"getBlock"', b'"getSignaturesForAddress"')
_HTML = b"<html>\r\n<head><title>%s</title></head>\r\n<body>\r\n<center><h1>%s</h1></center>\r\n</body>\r\n</html>\r\n"
_BROKEN = {500: b"Internal Server Error", 502: b"Bad Gateway", 503: b"Service Unavailable", 504: b"Gateway Timeout"}
_PIECES = 10  # Of a slow body.


def through(faults: Faults, server: str, request: bytes, answer: Callable[[], Answer]) -> Answer:
    """The answer as it comes out of the weather at `server`; where nothing strikes, as it is."""
    return _before(faults, server, request) or _behind(faults, server, answer)


def unreachable() -> Answer:
    """The connection breaks before anything is answered."""
    return Answer(status=0, ending="reset")


def limited(wait_s: float | None) -> Answer:
    """429, with the seconds to wait if they are told."""
    body = b'{"jsonrpc":"2.0","error":{"code":429,"message":"Too many requests for a specific RPC call"},"id":null}'
    return Answer(429, body, more_headers={} if wait_s is None else {"retry-after": f"{round(wait_s)}"})


def broken(random: Random) -> Answer:
    status = random.choice(list(_BROKEN))
    return Answer(status, _HTML % (_BROKEN[status], _BROKEN[status]), "text/html")


def slowed(answer: Answer, fault: Fault) -> Answer:
    made = answer.made()
    pieces = max(1, len(made.body) // _PIECES)
    return msgspec.structs.replace(made, pause_s=fault.amount / _PIECES, piece_bytes=pieces)


def cut(answer: Answer, random: Random, ending: Ending) -> Answer:
    """The body ends somewhere inside: by a reset, in silence, or as if that were all."""
    made = answer.made()
    kept = made.body[: random.randrange(len(made.body))] if made.body else b""
    return msgspec.structs.replace(made, body=kept, ending=ending)


def _before(faults: Faults, server: str, request: bytes) -> Answer | None:
    if faults.strikes("restart", server) or faults.strikes("reset", server):
        return unreachable()
    if faults.strikes("hang", server):
        return Answer(wait_s=FOREVER_S)
    if fault := faults.strikes("rate_limited", server):
        return limited(fault.amount)
    if faults.strikes("rate_limited_bare", server):
        return limited(None)
    if any(name in request for name in _DEAR) and (fault := faults.strikes("rate_limited_dear", server)):
        return limited(fault.amount)
    if faults.strikes("server_error", server):
        return broken(faults.random)
    if faults.strikes("html_body", server):
        return Answer(200, _HTML % (b"Welcome", b"Welcome"), "text/html")
    return None


def _behind(faults: Faults, server: str, answer: Callable[[], Answer]) -> Answer:
    given = answer()
    if faults.strikes("reset_in_body", server):
        return cut(given, faults.random, "reset")
    if faults.strikes("cut_short", server):
        return cut(given, faults.random, "whole")
    if fault := faults.strikes("slow_body", server):
        return slowed(given, fault)
    return given
