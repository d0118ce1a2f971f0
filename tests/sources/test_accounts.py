"""Questions to a node over a real socket: its cluster, and the IDL that a program publishes."""

from __future__ import annotations

import base64
import json
import threading
import zlib
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from indexer.core import base58
from indexer.errors import ClusterMismatch
from indexer.sources.accounts import EndpointUnavailable, genesis_hash, published_events, require_cluster
from tests.unit.test_cli_frame import run
from tests.world import key

MAINNET = "5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d"
Answers = dict[str, Any]


@pytest.fixture
def node() -> Iterator[Callable[[Answers], str]]:
    """Starts a JSON-RPC node that gives these results by method; its URL has a key that must never be shown."""
    servers: list[ThreadingHTTPServer] = []

    def start(results: Answers) -> str:
        class Node(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                body = json.dumps(
                    {"jsonrpc": "2.0", "id": request["id"], "result": results[request["method"]]}
                ).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Requests are not printed."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Node)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}/?api-key=SECRET"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def account(text: str | None) -> Answers:
    """The answer for an IDL account that holds `text` as Anchor stores it."""
    value = None
    if text is not None:
        packed = zlib.compress(text.encode())
        data = bytes(8) + key(1) + len(packed).to_bytes(4, "little") + packed
        encoded = [base64.b64encode(data).decode(), "base64"]
        owner = base58.encode(key(2))
        value = {
            "data": encoded,
            "executable": False,
            "lamports": 1,
            "owner": owner,
            "rentEpoch": 0,
            "space": len(data),
        }
    return {"getAccountInfo": {"context": {"slot": 1}, "value": value}}


async def test_an_endpoint_of_the_cluster_passes(node: Callable[[Answers], str]) -> None:
    url = node({"getGenesisHash": MAINNET})
    assert await genesis_hash(url) == MAINNET
    await require_cluster(url, MAINNET)


async def test_an_endpoint_of_another_cluster_is_refused_with_both_hashes(node: Callable[[Answers], str]) -> None:
    devnet = "EtWTRABZaYq6iMfeYKouRu166VU2xqa1wcaWoxPkrZBG"
    with pytest.raises(ClusterMismatch) as caught:
        await require_cluster(node({"getGenesisHash": devnet}), MAINNET)
    assert devnet in str(caught.value)
    assert MAINNET in str(caught.value)
    assert "SECRET" not in str(caught.value)


async def test_a_silent_endpoint_is_one_clear_error_without_its_key() -> None:
    with pytest.raises(EndpointUnavailable) as caught:
        await genesis_hash("http://127.0.0.1:9/?api-key=SECRET")
    assert "127.0.0.1:9" in str(caught.value)
    assert "SECRET" not in str(caught.value)


async def test_the_published_idl_tells_the_events(node: Callable[[Answers], str]) -> None:
    idl = json.dumps({"name": "x", "events": [{"name": "OrderActionRecord"}, {"name": "NewOne"}]})
    assert await published_events(node(account(idl)), key(3)) == ("OrderActionRecord", "NewOne")


async def test_a_program_may_publish_no_idl(node: Callable[[Answers], str]) -> None:
    assert await published_events(node(account(None)), key(3)) is None


def test_the_command_tells_events_that_are_unknown_here(node: Callable[[Answers], str]) -> None:
    published = json.dumps({"name": "x", "events": [{"name": "OrderActionRecord"}, {"name": "OfTomorrow"}]})
    url = node({"getGenesisHash": MAINNET, **account(published)})
    done = run("idl", "--json", PERPS_ENDPOINT=url)
    assert done.returncode == 1, done.stderr
    drift = json.loads(done.stdout)[0]
    assert (drift["protocol"], drift["is_published"]) == ("drift", True)
    assert drift["unknown_here"] == ["OfTomorrow"]
    assert "SwapRecord" in drift["not_published"]
    assert "OrderActionRecord" not in drift["not_published"]


def test_the_command_is_content_with_programs_that_publish_nothing(node: Callable[[Answers], str]) -> None:
    done = run("idl", node({"getGenesisHash": MAINNET, **account(None)}))
    assert (done.returncode, done.stdout.count("False")) == (0, 4)


def test_the_command_refuses_another_cluster_in_one_line_without_the_key(node: Callable[[Answers], str]) -> None:
    done = run("idl", node({"getGenesisHash": "EtWTRABZaYq6iMfeYKouRu166VU2xqa1wcaWoxPkrZBG"}))
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert "SECRET" not in done.stderr
