"""Manifests of digests: what is told of a range, what two of them differ in, and the command as a user types it."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from indexer.core.coverage import Span
from indexer.core.digest import BUCKET_SLOTS, Digest
from indexer.errors import InputError
from indexer.report import digest_differences, digests, manifest
from indexer.report.manifest_comparison import Alone, compare
from indexer.store.connection import connected
from indexer.store.memory import MemoryStore
from indexer.store.postgres import open_store
from tests.shared import REPOSITORY
from tests.store.ledger import event, failure, origin, page
from tests.unit.test_cli_frame import run

NEXT = BUCKET_SLOTS
WHOLE = Span(0, 2 * NEXT)
ROWS = (event(origin(5)), event(origin(NEXT, tx=2)), failure(origin(NEXT + 3, tx=3), payload=b"unknown event"))


async def filled(*rows, settled=(0, 2 * NEXT)) -> MemoryStore:
    store = MemoryStore(lambda: 0.0)
    await store.write(page(*rows, settled=settled))
    return store


async def told(store, span=WHOLE, *, transactions=True) -> manifest.Manifest:
    return await digests.manifest_of(store, "genesis", ["drift"], span, transactions=transactions)


async def test_a_range_is_told_by_buckets_that_sum_to_the_whole():
    found = await told(await filled(*ROWS))
    (stream,) = found.streams
    assert [(part.first_slot, part.last_slot, part.payloads) for part in stream.buckets] == [
        (0, NEXT - 1, 1),
        (NEXT, 2 * NEXT - 1, 2),
    ]
    assert found.is_whole
    total = sum(map(manifest.digest_of, stream.buckets), Digest())
    assert (stream.payloads, stream.digest) == (3, total.hex)
    transactions = [one for part in stream.buckets for one in part.transactions]
    assert sum(map(manifest.digest_of, transactions), Digest()) == total


async def test_parts_of_buckets_sum_to_the_bucket():
    store = await filled(*ROWS)
    (whole,) = (await told(store)).streams
    parts = [(await told(store, span)).streams[0] for span in (Span(0, NEXT + 1), Span(NEXT + 1, 2 * NEXT))]
    assert [one.payloads for one in parts] == [2, 1]
    both = [manifest.digest_of(part) for one in parts for part in one.buckets]
    assert sum(both, Digest()).hex == whole.digest


async def test_what_is_not_settled_is_told_with_its_slots():
    found = await told(await filled(*ROWS, settled=(0, NEXT + 2)))
    assert [part.unsettled for part in found.streams[0].buckets] == [[], [(NEXT + 2, 2 * NEXT - 1)]]
    assert not found.is_whole
    assert "NOT WHOLLY SETTLED" in digests.text(found)


async def test_a_manifest_comes_back_as_it_was_written(tmp_path):
    found = await told(await filled(*ROWS, settled=(0, NEXT + 2)))
    (tmp_path / "one").write_bytes(manifest.encoded(found))
    again = manifest.read(tmp_path / "one")
    assert compare(found, again).is_equal
    assert manifest.encoded(again) == manifest.encoded(found)


@pytest.mark.parametrize("harm", [b"", b"[]", b'{"genesis_hash": 1}', b'{"rules": 1, "bucket_slots": 10000}'])
def test_what_is_no_manifest_is_refused(tmp_path, harm):
    (tmp_path / "one").write_bytes(harm)
    with pytest.raises(InputError, match="one: is no manifest"):
        manifest.read(tmp_path / "one")


@pytest.mark.parametrize(("said", "instead"), [(b'"rules": 1', b'"rules": 2'), (b"10000", b"500")])
async def test_a_manifest_of_other_rules_is_refused_by_what_they_are(tmp_path, said, instead):
    """Whatever else another version writes into it."""
    raw = manifest.encoded(await told(await filled(*ROWS)))
    assert said in raw
    (tmp_path / "one").write_bytes(raw.replace(said, instead).replace(b'"streams"', b'"of another shape"'))
    with pytest.raises(InputError, match="one: has rules") as refused:
        manifest.read(tmp_path / "one")
    assert "same version" in refused.value.remedy


async def test_a_manifest_that_does_not_say_its_rules_is_none(tmp_path):
    raw = manifest.encoded(await told(await filled(*ROWS)))
    (tmp_path / "one").write_bytes(raw.replace(b'"rules": 1,', b""))
    with pytest.raises(InputError, match="rules"):
        manifest.read(tmp_path / "one")


def one_digit(raw: bytes, digest: str) -> bytes:
    other = ("0" if digest[0] != "0" else "1") + digest[1:]
    assert digest.encode() in raw
    return raw.replace(digest.encode(), other.encode(), 1)


@pytest.mark.parametrize("harm", ["stream", "bucket", "payloads", "unsettled", "cut", "shifted", "no number"])
async def test_a_manifest_that_was_changed_on_its_way_is_refused(tmp_path, harm):
    """Else it would be called different from an honest one, in buckets in which nothing is."""
    found = await told(await filled(*ROWS, settled=(0, NEXT + 4)), transactions=False)
    (stream,) = found.streams
    first, second = stream.buckets
    others = {
        "payloads": replace(stream, buckets=[replace(first, payloads=7), second]),
        "unsettled": replace(stream, buckets=[first, replace(second, unsettled=())]),
        "cut": replace(manifest.stream_digest("drift", [first])),
        "shifted": replace(stream, buckets=[first, replace(second, first_slot=NEXT + 1)]),
    }
    raw = manifest.encoded(replace(found, streams=[others.get(harm, stream)]))
    if harm in ("stream", "bucket"):
        raw = one_digit(raw, stream.digest if harm == "stream" else second.digest)
    if harm == "no number":
        raw = raw.replace(second.digest.encode(), b"twelve")
    (tmp_path / "one").write_bytes(raw)
    with pytest.raises(InputError, match=r"one: (was changed|is no manifest)"):
        manifest.read(tmp_path / "one")


async def test_one_flipped_byte_names_its_bucket_and_its_transaction():
    flipped = replace(ROWS[2], payload=b"unknown evenu")
    found = compare(await told(await filled(*ROWS)), await told(await filled(*ROWS[:2], flipped)))
    assert (found.equal, len(found.differing), found.is_equal) == (1, 1, False)
    (pair,) = found.differing
    assert (pair.protocol, pair.first_slot, pair.payloads) == ("drift", NEXT, (2, 2))
    assert [row["slot"] for row in pair.transactions] == [NEXT + 3]
    assert str(NEXT + 3) in digest_differences.text(found, "mine", "yours")


async def test_a_transaction_that_one_lacks_is_named():
    found = compare(await told(await filled(*ROWS)), await told(await filled(ROWS[0], ROWS[2])))
    (row,) = found.differing[0].transactions
    assert (row["slot"], row["payloads"], row["other_payloads"]) == (NEXT, 1, None)


async def test_without_transactions_it_says_how_to_find_them():
    one, other = [await told(await filled(*rows), transactions=False) for rows in (ROWS, ROWS[:2])]
    found = compare(one, other)
    assert found.differing[0].transactions is None
    assert "--transactions" in digest_differences.text(found, "mine", "yours")


async def test_what_is_not_settled_alike_is_not_called_different():
    found = compare(await told(await filled(*ROWS)), await told(await filled(*ROWS[:2], settled=(0, NEXT + 1))))
    assert (found.differing, len(found.unsettled), found.is_equal) == ([], 1, False)


async def test_of_slots_that_both_have_settled_a_difference_is_told_whatever_else_is_open():
    """Two ledgers at the head are hardly ever settled alike; their transactions tell what can be told."""
    late = failure(origin(NEXT + 900, tx=9), payload=b"settled by one alone")
    flipped = replace(ROWS[2], payload=b"unknown evenu")
    one = await told(await filled(*ROWS, late, settled=(0, NEXT + 1000)))
    other = await told(await filled(*ROWS[:2], flipped, settled=(0, NEXT + 500)))
    found = compare(one, other)
    (pair,) = found.differing
    assert [row["slot"] for row in pair.transactions] == [NEXT + 3]
    assert pair.unsettled_slots == (NEXT - 1000, NEXT - 500)
    assert found.unsettled == []


async def test_what_only_one_tells_is_named():
    store = await filled(*ROWS)
    found = compare(await told(store), await told(store, Span(0, NEXT)))
    assert (found.equal, found.is_equal) == (1, False)
    assert found.alone == [Alone("drift", NEXT, 2 * NEXT - 1, "first")]
    said = digest_differences.text(found, "mine", "yours")
    assert "in one of the two only" in said
    assert "same --slots and --protocol" in said


async def test_protocols_that_only_one_tells_are_named_over_all_their_buckets():
    store = await filled(*ROWS)
    both = await digests.manifest_of(store, "genesis", ["drift", "gmx_solana"], WHOLE)
    assert compare(await told(store, transactions=False), both).alone == [
        Alone("gmx_solana", 0, 2 * NEXT - 1, "other"),
    ]


async def test_stored_payloads_that_are_not_those_that_were_written_show_where_transactions_are_told():
    """Their digest is that of what was written, and equal to others'."""
    honest, store = await told(await filled(*ROWS)), await filled(*ROWS)
    table = next(table for table in store._tables if table.kind == "failure")
    store._tables[table].remove(table.key(table.row(ROWS[2], settled=True)))
    harmed = await told(store)
    assert [(protocol, part.first_slot) for protocol, part in harmed.unlike] == [("drift", NEXT)]
    assert "NOT those" in digests.text(harmed)
    assert honest.unlike == []
    (pair,) = compare(honest, harmed).differing
    assert pair.digests[0] == pair.digests[1]
    assert [row["slot"] for row in pair.transactions] == [NEXT + 3]


async def test_each_difference_comes_with_what_to_do():
    one, other = [await told(await filled(*rows), transactions=False) for rows in (ROWS, ROWS[:2])]
    said = digest_differences.text(compare(one, other), "mine", "yours")
    assert f"digest --slots {NEXT}-{2 * NEXT - 1} --protocol drift --transactions --manifest FILE" in said
    assert digest_differences.GUIDE.partition(", ")[2] in (REPOSITORY / "OPERATING.md").read_text(encoding="utf-8")
    behind = await told(await filled(ROWS[0], settled=(0, NEXT)), transactions=False)
    assert "backfill" in digest_differences.text(compare(one, behind), "mine", "yours")


async def test_manifests_that_share_nothing_are_refused():
    store = await filled(*ROWS)
    one = await told(store, Span(0, NEXT))
    with pytest.raises(InputError, match=r"mine and yours: .*clusters.* genesis and other"):
        compare(one, replace(one, genesis_hash="other"), "mine and yours")
    with pytest.raises(InputError, match="no bucket"):
        compare(one, await told(store, Span(5, NEXT)))


async def test_a_recomputation_finds_what_was_changed_behind_the_ledgers_back():
    store = await filled(*ROWS)
    assert await digests.wrong_buckets(store, "drift", Span(NEXT + 2, NEXT + 4)) == []
    table = next(table for table in store._tables if table.kind == "failure")
    store._tables[table].remove(table.key(table.row(ROWS[2], settled=True)))
    (wrong,) = await digests.wrong_buckets(store, "drift", Span(0, 2 * NEXT))
    assert (wrong.first_slot, wrong.kept_payloads, wrong.stored_payloads) == (NEXT, 2, 1)
    assert "NOT those" in digests.recomputed(digests.Recomputed(2, [wrong]))


# --- as a user types it ---


async def test_two_ledgers_are_compared_by_commands(database_url: str, tmp_path: Path):
    async with open_store(database_url) as store:
        await store.write(page(*ROWS, settled=(0, 2 * NEXT)))
    words = "digest", "--slots", f"0-{2 * NEXT - 1}", "--protocol", "drift"
    said = {"DATABASE_URL": database_url}
    first = tmp_path / "one.json"
    files = [str(first), str(tmp_path / "other.json")]
    done = run(*words, "--manifest", files[0], "--transactions", **said)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == msgspec.json.decode(manifest.encoded(manifest.read(first)))
    assert run("digest", "compare", files[0], **said).returncode == 0
    async with connected(database_url) as connection:
        await connection.execute("UPDATE ledger.failures SET payload = 'unknown evenu'")
    done = run(*words, "--recompute", "--json", **said)
    assert (done.returncode, json.loads(done.stdout)["wrong"][0]["first_slot"]) == (1, NEXT)
    assert run(*words, "--manifest", files[1], "--text", **said).returncode == 0
    assert run("digest", "compare", *files).returncode == 0  # What was kept is as it was: only the bytes moved.
    assert run(*words, "--manifest", files[1], "--transactions", "--text", **said).returncode == 1
    done = run("digest", "compare", *files)
    assert (done.returncode, str(NEXT + 3) in done.stdout) == (1, True), done.stdout
    done = run("digest", "compare", files[0], "--json", **said)
    assert [row["slot"] for row in json.loads(done.stdout)["differing"][0]["transactions"]] == [NEXT + 3]
    done = run("digest", "--slots", f"0-{2 * NEXT}", "--protocol", "drift", "--text", **said)
    assert (done.returncode, "NOT WHOLLY SETTLED" in done.stdout) == (1, True)


@pytest.mark.parametrize("slots", ["5", "7-3", "a-b", "-5", f"0-{2**62}"])
def test_what_is_no_range_of_slots_is_refused(tmp_path, slots):
    done = run("digest", f"--slots={slots}", PERPS_DATA_DIR=str(tmp_path))
    assert done.returncode == 2
    assert "range" in done.stderr
