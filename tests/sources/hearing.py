"""Scripted nodes, and what is heard of them: the world of the tests of hints, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing, suppress
from random import Random
from typing import Any, TypeVar

from hypothesis import HealthCheck, Phase, settings

from indexer.core import base58
from indexer.core.transaction import Transaction
from indexer.simulation.virtual_time import run
from indexer.sources.hints import Hint, News
from indexer.sources.subscriptions import Patience
from indexer.sources.websocket import HintSettings, LogSubscriptions
from tests.adversarial.answers import as_notification
from tests.adversarial.cases import FILL, FILL_TX
from tests.programs import DRIFT, GMX_AUTHORITY, JUPITER_AUTHORITY, VAULTS, protocols
from tests.sources.wires import FakeDial, Peer
from tests.world import log_transaction, signature

SECRET = "0123456789abcdef0123456789abcdef"
URL, OTHER_URL = f"wss://node.example/{SECRET}", f"wss://other.example/?api-key={SECRET}"
SHOWN, OTHER_SHOWN = "wss://node.example", "wss://other.example"
DRIFT_STREAM, JUPITER_STREAM, GMX_STREAM = protocols()
D, V, J, G = (base58.encode(k) for k in (DRIFT, VAULTS, JUPITER_AUTHORITY, GMX_AUTHORITY))
PLACEHOLDER = "1" * 64
Result = TypeVar("Result")
QUIET = settings(
    deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate), suppress_health_check=list(HealthCheck)
)


def note(tx: Transaction = FILL_TX, **value: Any) -> Any:
    """The `result` of a logsNotification; `value` replaces parts of it, `slot` its slot."""
    result = as_notification(tx)["params"]["result"]
    result["context"]["slot"] = value.pop("slot", tx.slot)
    result["value"] |= value
    return result


def fill(number: int) -> Transaction:
    return log_transaction(DRIFT, FILL, signature=signature(number))


class Node:
    """The far end of links, one after the other: it answers requests and tells its slot every second.

    `refused`: addresses with the error they get; `mute`: methods without an answer; `beats`: slots are told. `ids`:
    the subscriptions of the last link by address ("" for slots). `born`: frames said as soon as everything stands.
    """

    def __init__(
        self,
        *,
        refused: dict[str, Any] | None = None,
        mute: Sequence[str] = (),
        beats: bool = True,
        same_ids: bool = False,
        lives_s: float = 1e9,
    ) -> None:
        self.refused, self.mute, self.beats, self.same_ids = refused or {}, mute, beats, same_ids
        self.lives_s = lives_s
        self.ids: dict[str, int] = {}
        self.peer: Peer | None = None
        self.asked: list[tuple[float, str, str]] = []  # (time, method, address)
        self.links = 0

    async def __call__(self, peer: Peer) -> None:
        self.peer, self.ids = peer, {}
        self.links += 1
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._answer(peer))
            tasks.create_task(self._beat(peer))
            await asyncio.sleep(self.lives_s)
            peer.hang_up("closed 1006")

    async def _answer(self, peer: Peer) -> None:
        next_id = 100 * self.links
        for place in range(10_000):
            request = await peer.request(place)
            params = request["params"]
            address = params[0]["mentions"][0] if request["method"] == "logsSubscribe" else ""
            self.asked.append((asyncio.get_running_loop().time(), request["method"], address))
            if request["method"] in self.mute or address in self.mute:
                continue
            if request["method"].endswith("Unsubscribe"):
                peer.answer(request, True)
            elif address in self.refused:
                peer.say({"jsonrpc": "2.0", "id": request["id"], "error": self.refused[address]})
            else:
                next_id += 0 if self.same_ids and address in self.ids else 1
                self.ids[address] = next_id
                peer.answer(request, self.ids[address])

    async def _beat(self, peer: Peer) -> None:
        slot = 1
        while self.beats:
            await asyncio.sleep(1)
            slot += 1
            if "" in self.ids:
                told = {"subscription": self.ids[""], "result": {"slot": slot, "parent": slot - 1, "root": slot - 32}}
                peer.say({"jsonrpc": "2.0", "method": "slotNotification", "params": told})

    def tell(self, address: str, result: Any, subscription: int | None = None) -> None:
        """A notification of the address's subscription."""
        assert self.peer is not None
        params = {"result": result, "subscription": self.ids[address] if subscription is None else subscription}
        self.peer.say({"jsonrpc": "2.0", "method": "logsNotification", "params": params})

    def times(self, method: str, address: str = "") -> list[float]:
        return [at for at, asked, of in self.asked if (asked, of) == (method, address)]


class Heard:
    """What came of subscriptions: every piece of news with its time."""

    def __init__(self, subscriptions: LogSubscriptions) -> None:
        self.subscriptions = subscriptions
        self.news: list[tuple[float, News]] = []

    def of(self, kind: type[Result]) -> list[Result]:
        return [one for _, one in self.news if isinstance(one, kind)]

    @property
    def signatures(self) -> list[bytes | None]:
        return [hint.transaction.signature if hint.transaction else None for hint in self.of(Hint)]

    async def listen(self) -> None:
        async with aclosing(self.subscriptions.hints()) as hints:
            async for one in hints:
                self.news.append((asyncio.get_running_loop().time(), one))


Story = Callable[[Heard], Awaitable[None]]


def listen(dial: FakeDial, story: Story, *, urls: Sequence[str] = (URL,), streams: Any = None, **changed: Any) -> Heard:
    """Listen while `story` runs, then stop."""
    patience = {name: changed.pop(name) for name in list(changed) if name in Patience.__struct_fields__}
    wanted = HintSettings(**changed, patience=Patience(**patience))
    heard = Heard(LogSubscriptions(urls, streams or protocols(), dial, rng=Random(1), settings=wanted))

    async def main() -> None:
        listening = asyncio.create_task(heard.listen())
        await asyncio.sleep(0.1)
        await story(heard)
        await asyncio.sleep(0.1)
        assert not listening.done(), "it stopped by itself"
        listening.cancel()
        with suppress(asyncio.CancelledError):
            await listening
        assert dial.open == 0, "a socket was left open"

    run(main())
    return heard


def after(seconds: float) -> Story:
    async def story(_: Heard) -> None:
        await asyncio.sleep(seconds)

    return story


def telling(node: Node, *notes: tuple[str, Any]) -> Story:
    async def story(_: Heard) -> None:
        for address, result in notes:
            node.tell(address, result)
            await asyncio.sleep(0.01)

    return story
