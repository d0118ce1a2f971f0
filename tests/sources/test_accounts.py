"""Questions to a node over a real socket: its cluster, and the IDLs that programs publish."""

from __future__ import annotations

import base64
import json
import threading
import zlib
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from solders.pubkey import Pubkey

from indexer.core import base58
from indexer.core.idl import UnsupportedIdl
from indexer.errors import ClusterMismatch
from indexer.sources.accounts import EndpointUnavailable, genesis_hash, published_idls, require_cluster
from tests.encoder import idl_text
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
                result = results[request["method"]]
                told = result(request["params"]) if callable(result) else result
                body = json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": told}).encode()
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


def image(data: bytes | None) -> dict[str, Any] | None:
    if data is None:
        return None
    encoded = [base64.b64encode(data).decode(), "base64"]
    return {"data": encoded, "executable": False, "lamports": 1, "owner": base58.encode(key(2)), "rentEpoch": 0,
            "space": len(data)}  # fmt: skip


def of_anchor(text: str) -> bytes:
    packed = zlib.compress(text.encode())
    return sha256(b"internal:IdlAccount").digest()[:8] + key(1) + len(packed).to_bytes(4, "little") + packed + bytes(9)


def of_metadata(program: bytes, data: bytes, *, compression: int = 2, source: int = 0) -> bytes:
    head = b"\x02" + program + bytes(32) + b"\x01\x01" + b"idl".ljust(16, b"\0")
    return head + bytes([1, compression, 1, source]) + len(data).to_bytes(4, "little") + bytes(5) + data


def accounts(images: Mapping[str, bytes]) -> Answers:
    """Answers with these accounts, by key; every other one is not there."""

    def answer(params: list[Any]) -> Any:
        return {"context": {"slot": 1}, "value": [image(images.get(one)) for one in params[0]]}

    return {"getMultipleAccounts": answer}


def anchor_key(program: bytes) -> str:
    base = Pubkey.find_program_address([], Pubkey.from_bytes(program))[0]
    return str(Pubkey.create_with_seed(base, "anchor:idl", Pubkey.from_bytes(program)))


def metadata_key(program: bytes) -> str:
    metadata = Pubkey.from_string("ProgM6JCCvbYkfKqJYHePx4xxSUSqJp7rh8Lyv7nk7S")
    return str(Pubkey.find_program_address([program, b"idl" + bytes(13)], metadata)[0])


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


async def test_both_accounts_of_a_program_are_read_and_a_program_may_publish_none(
    node: Callable[[Answers], str],
) -> None:
    held = {anchor_key(key(3)): of_anchor("old"), metadata_key(key(3)): of_metadata(key(3), zlib.compress(b"new"))}
    found = await published_idls(node(accounts(held)), [key(3), key(4)])
    assert [(one.account, one.text) for one in found] == [("anchor", "old"), ("program-metadata", "new")]
    assert {one.program_id for one in found} == {key(3)}


async def test_an_idl_that_lies_in_a_third_account_is_read_there(node: Callable[[Answers], str]) -> None:
    place = key(9) + (4).to_bytes(4, "little") + (3).to_bytes(4, "little")
    told = of_metadata(key(3), place, compression=0, source=2)
    held = {metadata_key(key(3)): told, base58.encode(key(9)): b"headnewtail"}
    (found,) = await published_idls(node(accounts(held)), [key(3)])
    assert found.text == "new"


async def test_what_cannot_be_read_is_told_of_its_account_and_hides_no_other(node: Callable[[Answers], str]) -> None:
    url = of_metadata(key(3), b"https://elsewhere/?api-key=SECRET", compression=0, source=1)
    held = {anchor_key(key(3)): of_anchor("x")[:-20], metadata_key(key(3)): url, anchor_key(key(4)): of_anchor("y")}
    found = await published_idls(node(accounts(held)), [key(3), key(4)])
    assert [str(one.text) for one in found][1:] == ["the IDL lies at a URL, which is not asked", "y"]
    assert isinstance(found[0].text, UnsupportedIdl)


# --- the command ---------------------------------------------------------------------------------------------------


def published(file: str, change: Callable[[dict[str, Any]], None] = lambda _: None) -> Mapping[str, bytes]:
    document = json.loads(idl_text(file))
    change(document)
    return {anchor_key(base58.key(document["metadata"]["address"])): of_anchor(json.dumps(document))}


def longer_and_new(document: dict[str, Any]) -> None:
    swap = next(one for one in document["events"] if one["name"] == "SwapRecord")
    swap["fields"].append({"name": "bitFlags", "type": "u8", "index": False})
    document["events"].append({"name": "OfTomorrow", "fields": []})


def test_the_command_tells_what_would_be_misread(node: Callable[[Answers], str]) -> None:
    held = {**published("drift.json", longer_and_new), **published("jupiter_perps.json")}
    done = run("idl", "check", "--format", "json", PERPS_ENDPOINT=node({"getGenesisHash": MAINNET, **accounts(held)}))
    assert done.returncode == 1, done.stderr
    told = {one["file"]: one for one in json.loads(done.stdout)}
    outcomes = {file: one["outcome"] for file, one in told.items()}
    assert outcomes == {"drift.json": "misread", "jupiter_perps.json": "same"} | dict.fromkeys(
        ("drift_vaults.json", "doves.json", "gmsol_store.json"), "not_published"
    )
    found = [(one["name"], one["problem"], one["is_misread"]) for one in told["drift.json"]["findings"]]
    assert found == [("OfTomorrow", "new", True), ("SwapRecord", "longer", True)]


def test_the_command_shows_a_person_what_would_be_misread_and_of_one_protocol_alone(
    node: Callable[[Answers], str],
) -> None:
    url = node({"getGenesisHash": MAINNET, **accounts(published("drift.json", longer_and_new))})
    done = run("idl", "check", url, "--protocol", "drift")
    assert done.returncode == 1, done.stderr
    assert "drift.json  MISREAD  event  SwapRecord  longer   1 values more: bitFlags: u8" in done.stdout
    assert "gmsol_store" not in done.stdout
    assert run("idl", "check", url, "--protocol", "jupiter_perps").returncode == 0


def test_an_idl_that_cannot_be_read_is_a_reason_and_an_exit_code(node: Callable[[Answers], str]) -> None:
    drift = base58.key(json.loads(idl_text("drift.json"))["metadata"]["address"])
    done = run("idl", "check", node({"getGenesisHash": MAINNET, **accounts({anchor_key(drift): of_anchor("no JSON")})}))
    assert done.returncode == 1
    assert "drift.json: no JSON" in done.stdout


def test_the_command_is_content_with_programs_that_publish_nothing(node: Callable[[Answers], str]) -> None:
    done = run("idl", "check", node({"getGenesisHash": MAINNET, **accounts({})}))
    assert (done.returncode, done.stdout.count("not published")) == (0, 5)


def test_without_an_endpoint_the_command_asks_the_first_of_the_settings(node: Callable[[Answers], str]) -> None:
    done = run("idl", "check", SOLANA_RPC_URL=node({"getGenesisHash": MAINNET, **accounts({})}))
    assert (done.returncode, done.stdout.count("not published")) == (0, 5), done.stderr


def test_the_command_refuses_another_cluster_in_one_line_without_the_key(node: Callable[[Answers], str]) -> None:
    done = run("idl", "check", node({"getGenesisHash": "EtWTRABZaYq6iMfeYKouRu166VU2xqa1wcaWoxPkrZBG"}))
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert "SECRET" not in done.stderr
