"""Hosts for workers: network namespaces where we may make them, else loopback. Each reaches us by relays of its own.

A relay passes bytes on after a delay, in order, as a far network would. A host that is cut off hears and says nothing
more, and nobody is told: no connection ends. What was made is taken away at the end, also after an error.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

_CHUNK_BYTES = 2**16
_MOST_CHUNKS = 256  # On their way; more wait at the sender.


class Host:
    """`address`: where it finds us. `words`: what a command of it begins with."""

    def __init__(self, name: str, address: str, words: Sequence[str], link: str | None) -> None:
        self.name, self.address, self.words, self.link = name, address, words, link
        self.is_cut = False

    def cut(self) -> None:
        self.is_cut = True
        if self.link is not None:
            _ip("link", "set", self.link, "down")


def may_make_namespaces() -> bool:
    if os.geteuid() != 0:
        return False
    name = f"try{os.getpid()}"
    try:
        _ip("netns", "add", name)
        _ip("netns", "del", name)
    except (OSError, subprocess.CalledProcessError):
        return False
    return True


@asynccontextmanager
async def hosts(count: int, *, loopback: bool = False) -> AsyncIterator[list[Host]]:
    """`loopback`: also where namespaces may be made."""
    async with AsyncExitStack() as made:
        if not loopback and may_make_namespaces():
            yield [_namespace(made, number) for number in range(1, count + 1)]
        else:
            yield [Host(f"host{n}", "127.0.0.1", (), None) for n in range(1, count + 1)]


def _namespace(made: AsyncExitStack, number: int) -> Host:
    name, link, there = f"spread{os.getpid()}-{number}", f"sp{os.getpid() % 100_000}-{number}", "out"
    ours, theirs = (f"10.213.{number}.{last}" for last in (1, 2))
    _ip("netns", "add", name)
    made.callback(_ip, "netns", "del", name)  # Its end of the link goes with it, and so does ours.
    _ip("link", "add", link, "type", "veth", "peer", "name", there, "netns", name)
    _ip("addr", "add", f"{ours}/30", "dev", link)
    _ip("link", "set", link, "up")
    _ip("-n", name, "addr", "add", f"{theirs}/30", "dev", there)
    _ip("-n", name, "link", "set", there, "up")
    _ip("-n", name, "link", "set", "lo", "up")
    return Host(name, ours, ("ip", "netns", "exec", name), link)


def _ip(*words: str) -> None:
    subprocess.run(("ip", *words), check=True, capture_output=True)


@asynccontextmanager
async def relay(host: Host, to: int, delay_s: float = 0.0) -> AsyncIterator[int]:
    """The port at which `host` reaches our port `to`, each way taking `delay_s`."""
    running: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        running.add(task)
        try:
            there_reader, there_writer = await asyncio.open_connection("127.0.0.1", to)
            await asyncio.gather(_pass(host, reader, there_writer, delay_s), _pass(host, there_reader, writer, delay_s))
        except (OSError, asyncio.CancelledError):  # A cancel is the relay's end, which the server's callback takes ill.
            writer.close()
        finally:
            running.discard(task)

    server = await asyncio.start_server(serve, host.address, 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in list(running):
            task.cancel()


async def _pass(host: Host, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay_s: float) -> None:
    clock = asyncio.get_running_loop().time
    chunks: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_MOST_CHUNKS)

    async def send() -> None:
        while True:
            due, chunk = await chunks.get()
            await asyncio.sleep(max(0.0, due - clock()))
            if host.is_cut:
                await asyncio.Event().wait()  # For ever: nobody is told.
            if not chunk:
                return
            writer.write(chunk)
            await writer.drain()

    sending = asyncio.create_task(send())
    try:
        while chunk := await reader.read(_CHUNK_BYTES):
            await chunks.put((clock() + delay_s, chunk))
        await chunks.put((clock() + delay_s, b""))
        await sending
    except OSError:
        pass
    finally:
        sending.cancel()
        writer.close()
