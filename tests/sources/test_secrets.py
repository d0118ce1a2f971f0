"""No key of an endpoint's address shows anywhere: not in what is raised, logged, told by health or put into a page."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable
from random import Random
from typing import Any

import msgspec
import pytest
import structlog

from indexer.core.coverage import Span
from indexer.core.jsonrpc import LONGEST_MESSAGE, RpcError, plain
from indexer.errors import ConfigError
from indexer.sources.addresses import LONGEST_TEXT, SUBSCRIPTIONS, Scrubber, names_of
from indexer.sources.base import SourceInterrupted
from indexer.sources.blocks import BlocksSource
from indexer.sources.dial import WebSocketDial
from indexer.sources.endpoint import EndpointSettings, Quarantine
from indexer.sources.hints import Lost
from indexer.sources.providers import PoolSettings, Providers, Question
from indexer.sources.rpc import Rpc
from indexer.sources.signatures import SignaturesSource
from indexer.sources.websocket import LogSubscriptions
from indexer.sources.wire import Reply, WireBroken
from tests.programs import protocols
from tests.sources.blockchain import chain, node
from tests.sources.scripted import GENESIS, Error, Node, Wire, run

KEYS = (
    "hush1",
    "s3cr3t-user",
    "pa55-w0rd",
    "AbCdEf0123456789AbCdEf",
    "shortkey",
    "0a1b2c3d-4e5f-6789-abcd-ef0123456789",
)
URLS = (
    "https://rpc.vendor.example/?api-key=0a1b2c3d-4e5f-6789-abcd-ef0123456789",
    "https://rpc.vendor.example/v2/AbCdEf0123456789AbCdEf/",
    "https://s3cr3t-user:pa55-w0rd@node.example:8899/shortkey",
    "https://rpc.vendor.example/rpc?network=mainnet&k=hush1",
)


def talkative(url: str) -> dict[str, Any]:
    """Every way in which a node or a library can quote the address."""
    quote = f"cannot serve {url}, the key is wrong ({', '.join(key for key in KEYS if key in url)})"
    body = msgspec.json.encode({"jsonrpc": "2.0", "id": 0, "error": {"code": 403, "message": quote}})
    return {
        "error": Error(-32603, quote),
        "refusal": Error(-32004, quote),
        "overload": Error(429, quote),
        "status": Reply(403, {}, body),
        "text": Reply(200, {}, msgspec.json.encode({"error": quote})),
        "wire": WireBroken(quote),
        "shape": {quote: quote},
        "genesis": quote,
    }


def leaks(told: str) -> list[str]:
    return [key for key in KEYS if key in told]


async def _told(work: Callable[[Providers], Any], answer: str) -> str:
    """Everything that came out of some work with endpoints of which each gives this kind of answer to everything."""
    nodes = {url: Node(lambda _method, _params, url=url: talkative(url)[answer]) for url in URLS}
    if answer == "genesis":
        nodes = {url: Node(genesis=talkative(url)[answer]) for url in URLS}
    else:
        for one in nodes.values():
            true, known = one.answers, one.known["getGenesisHash"]
            one.answers = lambda method, params, true=true, known=known: (
                known if method == "getGenesisHash" else true(method, params)
            )
    endpoints = [EndpointSettings(url=url) for url in URLS]
    settings = PoolSettings(genesis_hash=GENESIS, patience_s=1, quarantine=Quarantine(failures=1, first_s=0.1))
    providers = Providers(Wire(nodes), endpoints, settings, Random(0))
    told = []
    with structlog.testing.capture_logs() as logs:
        try:
            told.append(repr(await work(providers)))
        except SourceInterrupted as error:
            told += [*traceback.format_exception(error), repr(error), repr(vars(error))]
        await asyncio.sleep(10)
    told += [repr(logs), msgspec.json.encode(providers.health()).decode(), repr(providers.names)]
    return "\n".join(told)


async def ask(providers: Providers) -> Any:
    return await providers.ask("getThing", [1], plain(int), lane="live")


async def ask_many(providers: Providers) -> Any:
    return await providers.ask_many("getThing", [Question([n], plain(int)) for n in range(5)], lane="live")


async def blocks(providers: Providers) -> Any:
    return [page async for page in BlocksSource(Rpc(providers), "live").pages(protocols(), Span(10, 20))]


async def signatures(providers: Providers) -> Any:
    return [page async for page in SignaturesSource(Rpc(providers), "live").pages(protocols(), Span(10, 20))]


async def versions(providers: Providers) -> Any:
    return await Rpc(providers).versions()


@pytest.mark.parametrize("answer", talkative(URLS[0]))
def test_no_key_shows_whatever_a_node_says(answer: str) -> None:
    for work in (ask, ask_many, blocks, signatures, versions):
        told = run(_told(work, answer))
        assert leaks(told) == [], work.__name__
        assert "rpc.vendor.example" in told


def test_no_key_shows_in_a_page() -> None:
    async def main() -> str:
        nodes = {url: node(chain(range(9, 22))) for url in URLS}
        settings = PoolSettings(genesis_hash=GENESIS)
        providers = Providers(Wire(nodes), [EndpointSettings(url=url) for url in URLS], settings, Random(0))
        return repr(await blocks(providers)) + repr(await signatures(providers))

    told = run(main())
    assert leaks(told) == []
    assert "rpc.vendor.example" in told


def test_no_part_of_a_key_shows_where_a_long_text_is_cut() -> None:
    scrubbed = Scrubber(URLS[0])
    for length in range(200, 5000, 7):
        told = scrubbed(str(RpcError(-1, ("x" * length + KEYS[-1] * 100)[:LONGEST_MESSAGE])))
        assert KEYS[-1][:8] not in told
        assert len(told) <= LONGEST_TEXT


@pytest.mark.parametrize("url", ["hush1", "http://", "ftp://host/hush1", "http://host:hush1/", "http://[::hush1/", ""])
def test_what_is_no_address_is_refused_without_being_quoted(url: str) -> None:
    with pytest.raises(ConfigError, match="endpoint 2") as caught:
        names_of([URLS[0], url])
    assert leaks("".join(traceback.format_exception(caught.value))) == []


def test_subscriptions_are_named_like_requests() -> None:
    websockets = [url.replace("http", "ws", 1) for url in URLS]
    assert names_of(websockets, SUBSCRIPTIONS) == names_of(URLS)
    with pytest.raises(ConfigError, match="endpoint 1 is no ws:// or wss:// URL"):
        names_of(URLS, SUBSCRIPTIONS)


def test_a_name_is_the_host_and_tells_endpoints_apart() -> None:
    assert names_of(URLS) == ["rpc.vendor.example", "rpc.vendor.example#2", "node.example:8899", "rpc.vendor.example#3"]


@pytest.mark.parametrize("path", ["short", "v2/words-without-a-digit", "?k=word"])
async def test_of_a_subscriptions_address_only_the_host_is_shown(path: str) -> None:
    url, other = f"ws://127.0.0.1:1/{path}", f"ws://127.0.0.1:1/other/{path}"
    subscriptions = LogSubscriptions([url, other], protocols(), WebSocketDial(), rng=Random(1))
    assert [link.endpoint for link in subscriptions.health()] == ["127.0.0.1:1", "127.0.0.1:1#2"]
    async for news in subscriptions.hints():
        assert isinstance(news, Lost)
        assert path not in f"{news.endpoint} {news.reason}"
        break
