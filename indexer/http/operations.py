"""What operators and their tools ask: /health, /ready, /status, /metrics.

None of them waits for a page or a query of the API: they have a connection of their own, and no limit of requests holds
them back. /health asks for nothing, /metrics answers whatever is down.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from aiohttp import web
from prometheus_client.exposition import choose_encoder
from prometheus_client.process_collector import ProcessCollector

from indexer import __version__
from indexer.http.api import without_parameters
from indexer.http.facts import Facts
from indexer.http.keys import AT_ONCE, DISK, LIVE, OBSERVATORY, RHYTHM, STREAMS
from indexer.http.metrics import Scene, registry
from indexer.http.readiness import Lack, lacking
from indexer.http.trouble import Trouble, as_json

PATHS = frozenset({"/health", "/ready", "/status", "/metrics"})


def routes() -> list[web.RouteDef]:
    return [
        web.get("/health", health),
        web.get("/ready", ready),
        web.get("/status", status),
        web.get("/metrics", metrics),
    ]


async def health(request: web.Request) -> web.Response:
    without_parameters(request)
    return as_json({"alive": True, "version": __version__})


async def ready(request: web.Request) -> web.Response:
    without_parameters(request)
    _, lacks = await _looked(request.app)
    return as_json({"ready": not lacks, "lacking": lacks}, status=503 if lacks else 200)


async def status(request: web.Request) -> web.Response:
    without_parameters(request)
    facts, lacks = await _looked(request.app)
    if isinstance(facts, Trouble):
        raise facts
    fed = request.app[LIVE].newest is not None
    return as_json({"protocols": facts.protocols, "providers": facts.providers, "ready": not lacks, "fed": fed})


async def metrics(request: web.Request) -> web.Response:
    without_parameters(request)
    facts, lacks = await _looked(request.app)
    known, at_once = request.app[LIVE].newest, request.app[AT_ONCE]
    processes = [ProcessCollector(namespace="perps_http", registry=None)]
    if known is not None:
        pid = known.pid
        processes.append(ProcessCollector(pid=lambda: pid, registry=None))
    scene = Scene(facts, known, not lacks, _free_bytes(request.app[DISK]), at_once.now, at_once.refused)
    encode, content_type = choose_encoder(request.headers.get("Accept", ""))
    return web.Response(body=encode(registry(scene, processes)), headers={"Content-Type": content_type})


async def _looked(app: web.Application) -> tuple[Facts | Trouble, Sequence[Lack]]:
    facts, known = await app[OBSERVATORY].facts(), app[LIVE].newest
    streams = known.streams if known is not None else app[STREAMS] or None
    return facts, lacking(facts, streams, app[RHYTHM])


def _free_bytes(folder: Path | None) -> int | None:
    """`folder`: of the embedded server; None where the database is another's."""
    try:
        return None if folder is None else shutil.disk_usage(folder).free
    except OSError:
        return None  # It was taken away: the database says more of that.
