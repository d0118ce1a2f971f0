"""Images of accounts: what is asked, what is believed of the answers, and what no answer may cost."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import pytest
import zstandard

from indexer.core import base58
from indexer.core.account import Image, Listing
from indexer.sources import account_images
from indexer.sources.account_images import AccountImages
from indexer.sources.reasons import Refused
from indexer.sources.rpc import Rpc
from tests.sources.scripted import Node, pool, run

OWNER = base58.encode(bytes([9]) * 32)
SLOT = 5_000


def key(n: int) -> bytes:
    return n.to_bytes(32, "big")


def shown(data: bytes, encoding: str = "base64+zstd") -> dict[str, Any]:
    packed = zstandard.compress(data) if encoding == "base64+zstd" else data
    return {"owner": OWNER, "data": [base64.b64encode(packed).decode(), encoding], "lamports": 1, "space": len(data)}


def told(value: Sequence[Any], slot: int = SLOT) -> dict[str, Any]:
    return {"context": {"apiVersion": "3.0.0", "slot": slot}, "value": list(value)}


def ask(keys: Sequence[bytes], *nodes: Node, past: int | None = None) -> Sequence[Image]:
    async def main() -> Sequence[Image]:
        return await AccountImages(Rpc(pool(nodes))).images(keys, past=past)

    return run(main())


def multiple(params: list[Any]) -> Any:
    """A node on which the account of an odd key holds its key's text."""
    keys = [base58.key(text) for text in params[0]]
    return told([shown(text.encode()) if one[-1] % 2 else None for one, text in zip(keys, params[0], strict=True)])


def test_accounts_are_asked_for_by_the_hundred_and_absent_ones_are_left_out() -> None:
    node = Node({"getMultipleAccounts": multiple})
    found = ask([key(n) for n in range(1, 251)], node)
    assert [image.key for image in found] == [key(n) for n in range(1, 251, 2)]
    assert found[0] == Image(key(1), bytes([9]) * 32, SLOT, base58.encode(key(1)).encode())
    assert sorted(len(call.params[0]) for call in node.calls("getMultipleAccounts")) == [50, 100, 100]
    config = node.calls("getMultipleAccounts")[0].params[1]
    assert config == {"commitment": "finalized", "encoding": "base64+zstd"}


def test_a_node_that_does_not_compress_is_read_as_well() -> None:
    node = Node({"getMultipleAccounts": lambda _: told([shown(b"plain", "base64")])})
    assert ask([key(1)], node)[0].data == b"plain"


BOMB = zstandard.compress(bytes(11 * 1024 * 1024))
UNTOLD = zstandard.ZstdCompressor(write_content_size=False).compress(bytes(11 * 1024 * 1024))


@pytest.mark.parametrize(
    "value",
    [
        [],
        [shown(b""), shown(b"")],
        [{**shown(b""), "owner": "0"}],
        [{**shown(b""), "data": ["%%%", "base64"]}],
        [{**shown(b""), "data": [base64.b64encode(b"no frame").decode(), "base64+zstd"]}],
        [{**shown(b""), "data": [base64.b64encode(zstandard.compress(b"cut" * 99)[:-4]).decode(), "base64+zstd"]}],
        [{**shown(b""), "data": [base64.b64encode(BOMB).decode(), "base64+zstd"]}],
        [{**shown(b""), "data": [base64.b64encode(UNTOLD).decode(), "base64+zstd"]}],
        [{**shown(b""), "data": ["", "jsonParsed"]}],
        [{**shown(b""), "data": {"parsed": {}}}],
        "nothing",
    ],
    ids=["none", "too many", "owner", "base64", "no frame", "cut", "bomb", "untold bomb", "encoding", "parsed", "text"],
)
def test_an_answer_that_cannot_be_is_asked_of_another_endpoint(value: Any) -> None:
    bad = Node({"getMultipleAccounts": lambda _: {"context": {"slot": SLOT}, "value": value}})
    assert ask([key(1)], bad, Node({"getMultipleAccounts": multiple}))[0].slot == SLOT
    with pytest.raises(Refused):
        ask([key(1)], Node({"getMultipleAccounts": lambda _: {"context": {"slot": SLOT}, "value": value}}))


def test_accounts_of_an_earlier_slot_than_were_read_are_not_believed() -> None:
    late = Node({"getMultipleAccounts": lambda _: told([shown(b"old")], SLOT - 1)})
    assert ask([key(1)], late, Node({"getMultipleAccounts": multiple}), past=SLOT)[0].slot == SLOT
    assert {call.params[1]["minContextSlot"] for call in late.calls("getMultipleAccounts")} <= {SLOT}


def test_keys_are_listed_without_bytes_by_discriminator_and_size() -> None:
    node = Node({"getProgramAccounts": lambda _: [{"pubkey": base58.encode(key(n)), "account": {}} for n in (2, 1, 2)]})

    async def main() -> Sequence[bytes]:
        return await AccountImages(Rpc(pool([node]))).keys(Listing(key(7), b"12345678", 776))

    assert run(main()) == [key(1), key(2)]
    (call,) = node.calls("getProgramAccounts")
    assert call.params[0] == base58.encode(key(7))
    assert call.params[1]["dataSlice"] == {"offset": 0, "length": 0}
    assert call.params[1]["filters"] == [
        {"memcmp": {"offset": 0, "bytes": base58.encode(b"12345678")}},
        {"dataSize": 776},
    ]


def test_a_list_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account_images, "MOST_LISTED", 2)
    node = Node({"getProgramAccounts": lambda _: [{"pubkey": base58.encode(key(n))} for n in range(3)]})

    async def main() -> Sequence[bytes]:
        return await AccountImages(Rpc(pool([node]))).keys(Listing(key(7), b"12345678"))

    with pytest.raises(Refused, match="3 accounts of one kind"):
        run(main())
