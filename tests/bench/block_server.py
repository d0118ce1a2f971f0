"""A node that sends one block again and again, packed, as `python -m tests.bench.block_server FILE`: prints its port.

The body is packed once. What differs between answers, the number of the request, is a gzip member of its own before it.
"""

from __future__ import annotations

import asyncio
import gzip
import sys
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web

GENESIS = "5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d"
_RESULTS: dict[str, Any] = {"getGenesisHash": GENESIS, "getSlot": 1}


async def serve(body: bytes) -> None:
    """`body`: the answer to any getBlock."""
    rest = body[body.index(b'"result"') : body.rindex(b',"id"')] + b"}"
    packed = gzip.compress(rest)

    async def answer(request: web.Request) -> web.Response:
        asked = msgspec.json.decode(await request.read())
        if asked["method"] != "getBlock":
            return web.json_response({"jsonrpc": "2.0", "id": asked["id"], "result": _RESULTS[asked["method"]]})
        head = gzip.compress(f'{{"jsonrpc":"2.0","id":{asked["id"]},'.encode())
        return web.Response(body=head + packed, headers={"content-encoding": "gzip"})

    app = web.Application()
    app.router.add_post("/", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert site._server is not None
    print(site._server.sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]).read_bytes()))
