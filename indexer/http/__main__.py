"""The server as a process of its own, as `child` starts it: `python -m indexer.http NUMBER`, of the socket to serve on.

It loads what it needs and no more: neither decoders nor sources nor the command line.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import Coroutine

import structlog

from indexer import log
from indexer.config import Settings
from indexer.errors import EXIT_CODE, PerpsIndexerError
from indexer.http import child
from indexer.http.server import serve
from indexer.store.database import serving


def main() -> int:
    """The exit code."""
    try:
        settings = child.settings_from_input()
        log.configure(settings.log)
        asyncio.run(_until_told(_serve(settings, int(sys.argv[1]))))
    except PerpsIndexerError as error:
        structlog.get_logger().error("http_server_failed", reason=str(error), remedy=error.remedy)
        return EXIT_CODE
    return 0


async def _serve(settings: Settings, number: int) -> None:
    """The daemon has migrated the ledger."""
    async with serving(settings) as url:
        with socket.socket(fileno=number) as listening:
            await serve(settings, url, listening, child.told())


async def _until_told(main: Coroutine[None, None, None]) -> None:
    task = asyncio.create_task(main)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task


if __name__ == "__main__":
    sys.exit(main())
