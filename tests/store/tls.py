"""PostgreSQL over TLS: a server of the system that speaks it, or the embedded one, which does not, behind a front."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import trustme

from indexer.store.embedded.binaries import account_for, installed
from indexer.store.embedded.paths import Paths
from tests.ops.cluster import free_port

USER, PASSWORD = "perps", "hunter2"
PATIENCE_S = 60
_ASKS_FOR_TLS = bytes.fromhex("0000000804d2162f")  # The first message of a client that wants it.
_CHUNK_BYTES = 65536
_RULES = {  # pg_hba.conf. A server with a certificate lets nobody in without TLS.
    True: "hostssl all all 127.0.0.1/32 scram-sha-256\nhostnossl all all all reject\n",
    False: "host all all 127.0.0.1/32 scram-sha-256\n",
}


@contextmanager
def serving(folder: Path, programs: Path | None, certificate: trustme.LeafCert | None) -> Iterator[int]:
    """A server of its own, and its port. `programs`: None are the embedded ones. `certificate`: None is no TLS."""
    cluster, port = folder / "cluster", free_port()
    account = account_for(cluster)
    found = installed(Paths(folder), account, programs)
    said = {"port": port, "listen_addresses": "127.0.0.1", "unix_socket_directories": "", "fsync": "off"}
    said |= {"hba_file": folder / "rules", **(_files(folder, certificate) if certificate else {})}
    (folder / "password").write_text(PASSWORD)
    (folder / "rules").write_text(_RULES[certificate is not None])
    for path in (folder, *folder.glob("*.pem"), folder / "password", folder / "rules"):
        account.own(path)
    options: dict[str, Any] = {"check": True, "cwd": "/", "env": {"TZ": "UTC"}, **account.options()}
    made = [found.program("initdb"), "-D", str(cluster), f"--username={USER}", f"--pwfile={folder / 'password'}"]
    subprocess.run([*made, "--encoding=UTF8", "--locale=C"], stdout=subprocess.DEVNULL, **options)
    control = [found.program("pg_ctl"), "-D", str(cluster), "--silent", "--wait", f"--timeout={PATIENCE_S}"]
    words = " ".join(f"-c {name}='{value}'" for name, value in said.items())
    subprocess.run([*control, f"--log={cluster / 'log'}", f"--options={words}", "start"], **options)
    try:
        yield port
    finally:
        subprocess.run([*control, "--mode=immediate", "stop"], **options)


def _files(folder: Path, certificate: trustme.LeafCert) -> Mapping[str, str]:
    key, chain = folder / "key.pem", folder / "chain.pem"
    certificate.private_key_pem.write_to_path(key)
    key.chmod(0o600)  # Or the server refuses it.
    certificate.cert_chain_pems[0].write_to_path(chain)
    return {"ssl": "on", "ssl_key_file": str(key), "ssl_cert_file": str(chain)}


@contextmanager
def fronted(behind: int, certificate: trustme.LeafCert) -> Iterator[int]:
    """The port of a front that speaks TLS as a server does, and hands on to the port behind it what it reads."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    ready, ports, loop = threading.Event(), list[int](), asyncio.new_event_loop()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await _speak_tls(reader, writer, context)
            await _joined(reader, writer, behind)
        except (OSError, asyncio.IncompleteReadError):
            pass  # The client went, since it does not trust us or wants no TLS.
        finally:
            writer.close()

    async def serve() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        ports.append(server.sockets[0].getsockname()[1])
        ready.set()
        await ended.wait()
        server.close()

    ended = asyncio.Event()
    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), name="front", daemon=True)
    thread.start()
    assert ready.wait(PATIENCE_S)
    try:
        yield ports[0]
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join(PATIENCE_S)
        loop.close()


async def _speak_tls(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, context: ssl.SSLContext) -> None:
    """Raises ConnectionAbortedError for a client that does not ask for it."""
    if await reader.readexactly(len(_ASKS_FOR_TLS)) != _ASKS_FOR_TLS:
        raise ConnectionAbortedError
    writer.write(b"S")
    await writer.start_tls(context)


async def _joined(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
    far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.TaskGroup() as ways:
            ways.create_task(_handed_on(reader, far_writer))
            ways.create_task(_handed_on(far_reader, writer))
    finally:
        far_writer.close()


async def _handed_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(_CHUNK_BYTES):
        writer.write(chunk)
        await writer.drain()
    writer.close()
