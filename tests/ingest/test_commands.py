"""Commands that fetch, against a served cluster as a user types them: output, exit codes, and no key in any of it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from indexer import cli
from indexer.core.coverage import Span
from indexer.errors import EXIT_CODE, InputError
from indexer.ingest import doctor
from indexer.ingest.moments import Moments
from indexer.simulation.build import build_chain
from indexer.simulation.profile import Profile
from indexer.simulation.trial import EVERYTHING
from indexer.simulation.verdict import verdict
from indexer.store.postgres import open_store
from tests.ingest.served import SECRET, Served, served, told_in_ledger

SLOTS, HISTORY = 230, 200
STREAMS = ("drift", "jupiter_perps", "gmx_solana")
NOBODY = {"SOLANA_RPC_URL": "http://127.0.0.1:9/?api-key=SECRET", "SOLANA_WS_URL": "ws://127.0.0.1:9/?api-key=SECRET"}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Served]:
    """A small chain whose newest block is of now; its clock stands still."""
    began = round(time.time()) - HISTORY * 400 // 1000
    chain = build_chain(11, Profile(slots=SLOTS, transactions=2.0, genesis_time=began))
    with served(chain, start_slot=chain.first_slot + HISTORY) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def head(cluster: Served) -> int:
    """The finalized slot."""
    return cluster.box.cluster.view().limit("finalized")


@pytest.fixture(scope="module")
def first(cluster: Served) -> int:
    return min(cluster.chain.blocks)


async def wrong(cluster: Served, url: str, span: Span) -> Any:
    """What the ledger has wrong of the span; None: nothing."""
    async with open_store(url) as store:
        found = verdict(cluster.chain.truth, await store.rows(EVERYTHING), {}, span)
    return None if found.is_true else found


# --- backfill, gaps, status, repair --------------------------------------------------------------------------------


async def test_a_backfill_fetches_what_is_missing_once_and_leaves_no_gap(
    cluster: Served, emptied_database_url: str, first: int, head: int
) -> None:
    url, middle = emptied_database_url, first + 40
    half = cluster.printed("backfill", "--from", str(first), "--to", str(middle), url=url)
    count = middle + 1 - first
    settled, transactions = half.splitlines()
    assert {f"{name} {count}" for name in STREAMS} == set(settled.removeprefix("settled ").strip().split(", "))
    assert int(transactions.removeprefix("transactions ")) > 0
    assert await wrong(cluster, url, Span(first, middle + 1)) is None
    whole = json.loads(cluster.printed("backfill", "--from", str(first), "--json", url=url))
    assert whole["wanted"] == dict.fromkeys(STREAMS, head - middle)
    assert whole["missing"] == {}
    assert await wrong(cluster, url, Span(first, head + 1)) is None
    again = cluster.printed("backfill", "--from", str(first), "--to", str(head), url=url)
    assert again == "settled       nothing was missing\ntransactions  0\n"
    assert cluster.printed("gaps", url=url) == "no gaps: every wanted slot is settled\n"
    protocols = json.loads(cluster.printed("status", "--json", url=url))["protocols"]
    assert {(one["protocol"], one["missing_slots"], one["alive"]) for one in protocols} == {
        (name, 0, False) for name in STREAMS
    }
    assert await told_in_ledger(url, SECRET) == {}


async def test_one_protocol_by_one_strategy_between_two_times(
    cluster: Served, emptied_database_url: str, first: int
) -> None:
    times = {slot: block.block_time for slot, block in cluster.chain.blocks.items() if block.block_time}
    start, end = min(times[s] for s in times if s > first + 20), min(times[s] for s in times if s > first + 50)
    words = ("--from", _utc(start), "--to", _utc(end), "--protocol", "drift", "--strategy", "blocks", "--json")
    done = json.loads(cluster.printed("backfill", *words, url=emptied_database_url))
    assert list(done["wanted"]) == ["drift"]
    assert 25 <= done["wanted"]["drift"] <= 36
    async with open_store(emptied_database_url) as store:
        (span,) = await store.coverage("drift")
        rows = await store.rows(EVERYTHING)
    assert times.get(span.start, start) == start
    assert {row[0] for some in rows.values() for row in some} == {"drift"}


async def test_since_counts_back_from_now(cluster: Served, emptied_database_url: str, first: int, head: int) -> None:
    done = json.loads(cluster.printed("backfill", "--since", "2h", "--json", url=emptied_database_url))
    assert done["wanted"]["drift"] in range(head + 1 - first, head + 3 - first + 5)


async def test_slots_that_nobody_has_are_told_by_exit_code_gaps_and_are_repaired_when_somebody_has_them(
    cluster: Served, emptied_database_url: str, first: int
) -> None:
    """Only the node is asked that has thrown its history away; then all are."""
    url, words = emptied_database_url, ("--from", str(first), "--to", str(first + 9))
    (late,) = [n for n, node in enumerate(cluster.box.nodes) if node.name == "node-3"]
    assert cluster.box.nodes[late].view().first_slot > first + 9
    alone = {"SOLANA_RPC_URL": cluster.addresses.rpc[late], "PERPS_ENDPOINTS__PORTAL": "none"}
    done = cluster.run("backfill", *words, url=url, **alone)
    assert done.returncode == 1, done.stderr
    assert "10: no source has them; see `perps-indexer gaps`" in done.stdout
    gaps = json.loads(cluster.printed("gaps", "--json", url=url))
    assert {(gap["protocol"], gap["slots"], gap["state"]) for gap in gaps} == {(n, 10, "unavailable") for n in STREAMS}
    repaired = json.loads(cluster.printed("repair", "--json", url=url))
    assert repaired["missing"] == {}
    assert json.loads(cluster.printed("gaps", "--json", url=url)) == []
    assert await wrong(cluster, url, Span(first, first + 10)) is None


@pytest.mark.parametrize("words", [("yesterday", "head", None), ("7", "soon", None), (None, "head", "1 week")])
async def test_what_is_no_moment_is_told_before_any_endpoint_is_asked(words: tuple[str | None, str, str | None]):
    nobody = Moments(None, None, None)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"is neither a slot nor a time|is no length of time"):
        await nobody.span(*words)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "where to begin? (give --from SLOT or TIME, or --since 7d)"),
        (["--from", "1", "--since", "7d"], "where to begin?"),
        (["--from", "yesterday"], "'yesterday' is neither a slot nor a time (write 365000000, 2026-03-01"),
        (["--since", "1 week"], "'1 week' is no length of time (write 90m, 12h or 7d)"),
        (["--from", "20", "--to", "10"], "the last slot 10 lies before the first one 20"),
        (["--from", "1", "--to", "999999999999"], "slot 999999999999 is not finalized yet, the head is 365000"),
        (["--from", "1", "--strategy", "guess"], "'guess' is not one of"),
        (["--from", "1", "--strategy", "portal"], "no portal is configured (name one as endpoints.portal"),
        (["--from", "1", "--protocol", "mango"], "no protocol is called 'mango' (name one of drift, jupiter_perps"),
    ],
)
def test_a_backfill_that_cannot_be_meant_is_one_line(
    cluster: Served,
    module_database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Any,
    words: list[str],
    says: str,
) -> None:
    assert says in refused_here(monkeypatch, capsys, cluster, module_database_url, ["backfill", *words])


def test_a_daemon_behind_a_pooler_refuses_what_needs_a_session(
    cluster: Served, module_database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setenv("PERPS_DATABASE__POOLED", "true")
    monkeypatch.setenv("PERPS_RETENTION__RAW_DAYS", "90")
    says = "setting retention.raw_days or retention.all_days: letting go of partitions needs a session of its own"
    assert says in refused_here(monkeypatch, capsys, cluster, module_database_url, ["run"])


def refused_here(monkeypatch: pytest.MonkeyPatch, capsys: Any, cluster: Served, url: str, words: list[str]) -> str:
    """The one line of an error; in this process, since there are many such lines."""
    for name, value in {**cluster.settings(url), "PERPS_ENDPOINTS__PORTAL": "none"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.argv", ["perps-indexer", *words])
    assert cli._code() == EXIT_CODE
    printed = capsys.readouterr()
    assert printed.out == ""
    assert SECRET not in printed.err
    assert (printed.err[:7], printed.err.count("\n")) == ("error: ", 1)
    return str(printed.err)


def _utc(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


# --- record --------------------------------------------------------------------------------------------------------


def test_what_is_recorded_can_be_replayed(
    cluster: Served, emptied_database_url: str, tmp_path: Path, first: int
) -> None:
    blocks = [block for slot, block in cluster.chain.blocks.items() if slot < first + 8]
    words = ("record", "--slots", f"{first}-{first + 7}", "--to", str(tmp_path / "blocks"))
    paths = cluster.printed(*words, url="").splitlines()
    assert sorted(paths) == [str(tmp_path / "blocks" / f"{block.slot}.json") for block in blocks]
    one = next(tx for block in blocks for tx in block.transactions)
    (path,) = cluster.printed("record", one.signature, "--to", str(tmp_path), url="").splitlines()
    assert path == str(tmp_path / f"{one.signature}.json")
    assert not any(SECRET in file.read_text() for file in tmp_path.rglob("*.json"))
    done = json.loads(cluster.printed("replay", "--settle", "--json", *paths, path, url=emptied_database_url))
    assert (done["blocks"], done["files"]) == (len(blocks), len(blocks) + 1)
    assert done["transactions"] == 1 + sum(len(block.transactions) for block in blocks)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "what to record? (name a signature, or --slots A-B)"),
        (["abc", "--slots", "1-2"], "what to record?"),
        (["0OIl"], "0OIl: no signature"),
        (["1" * 64], "no endpoint has it"),
        (["--slots", "9-1"], "'9-1' is no range of slots (write --slots 365000000-365000010)"),
        (["--slots", "1-999999"], "999999 slots at once, the limit is 100000"),
        (["--slots", "365000005-365000006", "--to", "/dev/null/x"], "cannot be written: Not a directory"),
    ],
)
def test_what_cannot_be_recorded_is_one_line(
    cluster: Served, monkeypatch: pytest.MonkeyPatch, capsys: Any, words: list[str], says: str
) -> None:
    assert says in refused_here(monkeypatch, capsys, cluster, "", ["record", *words])


# --- doctor --------------------------------------------------------------------------------------------------------


def findings(cluster: Served, url: str, code: int, **settings: str) -> list[dict[str, str]]:
    done = cluster.run("doctor", "--json", url=url, **settings)
    assert done.returncode == code, done.stdout
    return [finding for finding in json.loads(done.stdout) if code == 0 or finding["state"] == "wrong"]


def test_the_doctor_finds_everything_fine_where_it_is(cluster: Served, emptied_database_url: str) -> None:
    found = findings(cluster, emptied_database_url, 0)
    assert [f["what"] for f in found] == [*["endpoint"] * 3, *["subscription"] * 3, "portal", "clock", "database"]
    assert {f["state"] for f in found} == {"fine"}
    assert f"blocks {min(cluster.chain.blocks)} to " in found[0]["says"]
    text = cluster.printed("doctor", url=emptied_database_url)
    assert len(text.splitlines()) == 1 + len(found)


def test_the_doctor_names_what_does_not_serve_and_why(
    cluster: Served, module_database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    no_database = module_database_url.rpartition("/")[0] + "/no_such_database"
    nobody = {**NOBODY, "PERPS_ENDPOINTS__PORTAL": "http://127.0.0.1:9/datasets/x"}
    for name, value in cluster.settings(no_database, **nobody).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.argv", ["perps-indexer", "doctor", "--json"])
    monkeypatch.setattr(doctor, "WAIT_S", 1.0)
    assert cli._code() == 1
    printed = capsys.readouterr()
    assert SECRET not in printed.out + printed.err
    found = json.loads(printed.out)
    assert {f["what"] for f in found if f["state"] == "wrong" and f["says"]} == {
        "endpoint", "subscription", "portal", "clock", "database"
    }  # fmt: skip
