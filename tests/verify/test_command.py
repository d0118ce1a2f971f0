"""`verify` as a user types it: what it prints, its exit codes, its JSON, and no key in any of it."""

from __future__ import annotations

import json

import pytest

from indexer.core.coverage import Span
from indexer.store.base import Page
from tests.ingest.served import served
from tests.unit.test_cli_frame import run
from tests.verify.ledgers import LATER, LIAR, opened
from tests.verify.losses import small_chain
from tests.verify.test_proofs import UNCUT, hidden, loss_of


async def damaged(url: str) -> int:
    """A ledger that lacks a transaction of Drift; the first slot of that."""
    chain = small_chain(UNCUT)
    loss = loss_of(chain, "transaction", "drift")
    async with opened(url) as ledger:
        await ledger.store.claim_cluster(chain.genesis_hash, "simulated")
        await ledger.settle(chain, None, hidden(loss))
        await ledger.read_accounts(chain)
    return min(slot for slot, _ in hidden(loss))


async def test_a_loss_is_told_compared_and_repaired_by_commands(database_url: str):
    slot = await damaged(database_url)
    with served(small_chain(UNCUT), seconds=LATER) as cluster:
        found = cluster.run("verify", "--format", "json", url=database_url)
        assert found.returncode == 1, found.stderr
        states = {one["protocol"]: one for one in json.loads(found.stdout)["protocols"]}
        assert states["drift"]["state"] == "broken"
        assert states["gmx_solana"]["gaps"] == []
        for gap in states["drift"]["gaps"]:
            assert gap["after"]["slot"] <= slot <= gap["before"]["slot"]
            assert gap["cause"] is None
        compared = cluster.run(
            "verify", "--protocol", "drift", "--from", str(slot), "--to", str(slot),
            "--second", cluster.addresses.rpc[0], "--sample", "100%", url=database_url,
        )  # fmt: skip
        assert compared.returncode == 1, compared.stderr
        assert "told otherwise" in compared.stdout
        text = cluster.printed("verify", "--repair", url=database_url)
        assert "brought" in text
        assert "BROKEN" not in text
        assert "not provable:" in text


def test_what_is_no_part_of_a_whole_is_refused(tmp_path):
    done = run("verify", "--second", "http://127.0.0.1:1", "--sample", "many", PERPS_DATA_DIR=str(tmp_path))
    assert done.returncode == 2
    assert "no part of a whole" in done.stderr


@pytest.mark.parametrize("words", [(), ("--protocol", "drift"), ("--from", "5", "--to", "9"), ("--from", "5")])
async def test_a_ledger_without_settled_slots_has_nothing_to_prove(database_url: str, words: tuple[str, ...]):
    done = run("verify", *words, DATABASE_URL=database_url)
    assert done.returncode == 2, done.stdout
    assert done.stderr == "error: nothing to prove: no such slot is settled (`run` and `backfill` settle slots)\n"


async def test_a_protocol_without_settled_slots_is_named(database_url: str):
    async with opened(database_url) as ledger:
        await ledger.store.write(Page(settled={"drift": (Span(5, 20),)}, source="signatures", endpoint=LIAR))
    done = run("verify", DATABASE_URL=database_url)
    assert done.stdout.startswith("drift: slots ")
    assert "\ngmx_solana: none of these slots is settled" in done.stdout
    beyond = run("verify", "--from", "999999999", DATABASE_URL=database_url)
    assert beyond.returncode == 2
    assert "nothing to prove" in beyond.stderr
