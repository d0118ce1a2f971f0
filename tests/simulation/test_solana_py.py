"""Conformance: solana-py, whose typed parser nobody here wrote, accepts what nodes answer and reads the chain in it."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from solana.exceptions import SolanaRpcException
from solana.rpc.async_api import AsyncClient
from solana.rpc.commitment import Confirmed, Finalized, Processed
from solana.rpc.core import RPCException
from solana.rpc.types import DataSliceOpts, MemcmpOpts
from solana.rpc.websocket_api import SubscriptionError, connect
from solders.errors import SerdeJSONError
from solders.pubkey import Pubkey
from solders.rpc.config import RpcTransactionLogsFilter, RpcTransactionLogsFilterMentions
from solders.rpc.errors import SlotSkippedMessage, UnsupportedTransactionVersionMessage
from solders.signature import Signature

from indexer.core import base58
from indexer.core.idl_account import METADATA_PROGRAM
from indexer.simulation.box import Box
from indexer.simulation.faults import Fault, Faults
from indexer.simulation.node_accounts import Account
from indexer.sources.accounts import published_idls
from tests.adversarial.answers import text
from tests.simulation.small_chain import FIRST, GENESIS, LOGGER, blocks, chain, shown
from tests.sources.test_accounts import anchor_key, metadata_key, of_anchor, of_metadata
from tests.world import key

NOW = FIRST + 60
SKIPPED = FIRST + 7
ADDRESS = Pubkey.from_bytes(LOGGER)
PUBLISHING = key(702)
OWNER, HELD = Pubkey.from_bytes(key(700)), Pubkey.from_bytes(key(701))


def made() -> Any:
    """Every second transaction is legacy, every third has failed; one block far back holds a version 1."""
    filled = {
        FIRST + n: [shown(2 * n + k, failed=(2 * n + k) % 3 == 2, version=(0, "legacy")[k]) for k in (0, 1)]
        for n in range(120)
        if FIRST + n != SKIPPED
    }
    filled[FIRST + 3] = [shown(900, version=1)]
    return chain(blocks(filled))


@pytest.fixture
async def box() -> AsyncIterator[Any]:
    """(box, addresses of its honest node): the chain runs ten times as fast as Solana's."""
    loop = asyncio.get_running_loop()
    born = loop.time()
    accounts = {str(HELD): [Account(str(OWNER), bytes(range(64)))]} | {
        anchor_key(PUBLISHING): [Account(str(Pubkey.from_bytes(PUBLISHING)), of_anchor("in Anchor's"))],
        metadata_key(PUBLISHING): [
            Account(base58.encode(METADATA_PROGRAM), of_metadata(PUBLISHING, zlib.compress(b"in the other")))
        ],
    }
    one = Box(made(), lambda: loop.time() - born, start_slot=NOW, speed=10.0, accounts=accounts)
    async with one.served() as addresses:
        place = [node.name for node in one.nodes].index("node-2")
        yield one, addresses.rpc[place], addresses.websocket[place]


@pytest.fixture
async def client(box: Any) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(box[1]) as made_client:
        yield made_client


async def test_idls_are_found_in_both_accounts_of_a_program(box: Any):
    found = await published_idls(box[1], [key(703), PUBLISHING])
    told = [(one.program_id, one.account, one.text) for one in found]
    assert told == [(PUBLISHING, "anchor", "in Anchor's"), (PUBLISHING, "program-metadata", "in the other")]


async def test_the_head_and_the_node(client: AsyncClient):
    processed = (await client.get_slot(Processed)).value
    assert NOW - 2 <= processed < NOW + 20
    assert (await client.get_slot(Finalized)).value <= processed - 32 + 5
    assert (await client.get_block_height(Confirmed)).value > 100
    assert str((await client.get_genesis_hash()).value) == GENESIS
    assert (await client.get_version()).value.solana_core == "4.0.0"
    assert (await client.get_epoch_info(Confirmed)).value.slots_in_epoch == 432_000
    assert (await client.get_first_available_block()).value == FIRST
    assert (await client.get_minimum_ledger_slot()).value == FIRST
    assert await client.is_connected()
    assert (await client.get_latest_blockhash(Finalized)).value.last_valid_block_height > 100


@pytest.mark.parametrize("encoding", ["json", "jsonParsed", "base64", "base58"])
async def test_blocks_and_transactions_in_every_encoding(client: AsyncClient, encoding: str):
    block = (await client.get_block(FIRST + 5, encoding, max_supported_transaction_version=0)).value
    assert block is not None
    assert (block.parent_slot, len(block.transactions or [])) == (FIRST + 4, 2)
    assert (await client.get_block_time(FIRST + 5)).value == block.block_time
    for number in (10, 11):
        signature = Signature.from_string(shown(number).signature)
        found = (await client.get_transaction(signature, encoding, max_supported_transaction_version=0)).value
        assert found is not None
        assert found.slot == FIRST + 5
        meta = found.transaction.meta
        assert meta is not None
        assert (meta.err is not None) == (number % 3 == 2)
        assert meta.log_messages == list(shown(number).logs)
    missing = Signature.from_bytes(key(1) + key(2))
    assert (await client.get_transaction(missing, encoding, max_supported_transaction_version=0)).value is None


async def test_errors_are_typed(client: AsyncClient):
    with pytest.raises(RPCException) as caught:
        await client.get_block(SKIPPED, max_supported_transaction_version=0)
    assert isinstance(caught.value.args[0], SlotSkippedMessage)
    with pytest.raises(RPCException) as caught:
        await client.get_block(FIRST + 3, max_supported_transaction_version=0)
    assert isinstance(caught.value.args[0], UnsupportedTransactionVersionMessage)


async def test_lists_of_blocks_and_signatures(client: AsyncClient):
    listed = (await client.get_blocks(FIRST + 5, FIRST + 9)).value
    assert listed == [FIRST + 5, FIRST + 6, FIRST + 8, FIRST + 9]
    rows = (await client.get_signatures_for_address(ADDRESS, limit=7, commitment=Finalized)).value
    assert len(rows) == 7
    older = (await client.get_signatures_for_address(ADDRESS, before=rows[-1].signature, limit=1000)).value
    assert older[-1].slot == FIRST
    assert {str(row.signature) for row in rows}.isdisjoint(str(row.signature) for row in older)
    until = (
        await client.get_signatures_for_address(ADDRESS, until=older[3].signature, before=rows[-1].signature)
    ).value
    assert [row.signature for row in until] == [row.signature for row in older[:3]]
    statuses = (await client.get_signature_statuses([rows[0].signature], search_transaction_history=True)).value
    assert statuses[0] is not None
    assert statuses[0].slot == rows[0].slot


async def test_accounts(client: AsyncClient):
    one = (await client.get_account_info(HELD)).value
    assert one is not None
    assert (one.data, one.owner) == (bytes(range(64)), OWNER)
    several = (await client.get_multiple_accounts([HELD, ADDRESS])).value
    assert [account is None for account in several] == [False, True]
    filters = [64, MemcmpOpts(offset=1, bytes=text(b"\1\2"))]
    found = (
        await client.get_program_accounts(
            OWNER, encoding="base64", data_slice=DataSliceOpts(offset=2, length=4), filters=filters
        )
    ).value
    assert [(held.pubkey, held.account.data) for held in found] == [(HELD, b"\2\3\4\5")]


async def test_logs_arrive_by_the_websocket_client(box: Any):
    about = RpcTransactionLogsFilterMentions(ADDRESS)
    async with connect(box[2]) as link:
        await link.logs_subscribe(about, Processed)
        await link.slot_subscribe()
        subscription = (await link.recv())[0].result  # type: ignore[union-attr]
        seen: list[Any] = []
        while len(seen) < 12:
            seen += [one for one in await link.recv() if type(one).__name__ in ("LogsNotification", "SlotNotification")]
        logs = [one.result for one in seen if type(one).__name__ == "LogsNotification"]
        for told in logs:
            block = box[0].cluster.chain.blocks[told.context.slot]
            (sent,) = [one for one in block.transactions if one.signature == str(told.value.signature)]
            assert told.value.logs == list(sent.logs)
            assert (told.value.err is not None) == sent.failed
        assert logs
        await link.logs_unsubscribe(subscription)


async def test_a_refused_subscription_is_told_to_the_websocket_client(box: Any):
    async with connect(box[2]) as link:
        await link.logs_subscribe(RpcTransactionLogsFilter.All)
        with pytest.raises(SubscriptionError):
            await link.recv()


async def test_faults_break_the_client_as_they_would_on_mainnet(box: Any):
    one, url, _ = box
    clock = one.cluster.clock
    node = next(node for node in one.nodes if node.name == "node-2")
    for kind in ("reset", "html_body", "rate_limited", "cut_short"):
        node.faults = Faults([Fault(kind, "node-2", amount=1.0)], 1, clock)
        async with AsyncClient(url) as client:
            with pytest.raises((SolanaRpcException, RPCException, SerdeJSONError)):
                await client.get_block(FIRST + 5, max_supported_transaction_version=0)
        assert node.faults.struck[kind] == 1


async def test_the_clients_parser_survives_fields_that_it_does_not_know(box: Any):
    one, url, _ = box
    node = next(node for node in one.nodes if node.name == "node-2")
    node.lies.faults = Faults([Fault("unknown_field", "node-2")], 1, one.cluster.clock)
    async with AsyncClient(url) as client:
        block = (await client.get_block(FIRST + 5, max_supported_transaction_version=0)).value
    assert block is not None
    assert node.lies.faults.struck["unknown_field"] == 2
