"""What commands say of slots whose bytes were let go: one sentence with the slot, and no guess about the rest."""

from __future__ import annotations

import json

import pytest

from indexer.core.coverage import Span
from indexer.core.digest import BUCKET_SLOTS
from indexer.errors import InputError
from indexer.report import digests
from indexer.store.connection import connected
from indexer.store.retention import border_of, look_after
from tests.store.aged import HEAD, NEW, OLD, RAW_60, aged
from tests.unit.test_cli_frame import run

BORDER = border_of(HEAD, 60)
WHOLE = f"{OLD // BUCKET_SLOTS * BUCKET_SLOTS}-{(NEW // BUCKET_SLOTS + 1) * BUCKET_SLOTS - 1}"


@pytest.fixture
async def given(database_url: str) -> dict[str, str]:
    async with aged(database_url):
        await look_after(database_url, RAW_60)
    return {"DATABASE_URL": database_url}


def test_a_recomputation_checks_what_is_there_and_says_where_nothing_is(given: dict[str, str]):
    told = run("digest", "--slots", WHOLE, "--protocol", "drift", "--recompute", "--text", **given)
    assert told.returncode == 0, told.stderr
    buckets = (int(WHOLE.partition("-")[2]) + 1 - BORDER) // BUCKET_SLOTS
    assert told.stdout == (
        f"{buckets} buckets: the stored payloads are those that were written\n"
        f"the bytes of slots below {BORDER} were let go, so that nothing tells whether theirs are\n"
    )
    asked = run("digest", "--slots", WHOLE, "--protocol", "drift", "--recompute", "--json", **given)
    assert json.loads(asked.stdout) == {"checked": buckets, "wrong": [], "let_go_below": BORDER}


def test_digests_of_what_went_are_what_they_were_and_parts_of_buckets_are_refused(given: dict[str, str]):
    told = json.loads(run("digest", "--slots", WHOLE, "--protocol", "drift", "--json", **given).stdout)
    assert told["streams"][0]["payloads"] == 2
    refused = run("digest", "--slots", f"{OLD}-{NEW}", "--protocol", "drift", **given)
    assert refused.returncode == 2
    assert f"slots below {BORDER} were let go" in refused.stderr


async def test_what_was_never_hashed_and_has_no_bytes_is_refused(given: dict[str, str]):
    async with connected(given["DATABASE_URL"]) as connection:
        await connection.execute("INSERT INTO ledger.digests_waiting VALUES ('drift', $1)", OLD // BUCKET_SLOTS)
    refused = run("digest", "--slots", WHOLE, "--protocol", "drift", **given)
    assert refused.returncode == 2
    assert "nothing tells their digest" in refused.stderr


async def test_reprocess_and_verify_name_the_slot(given: dict[str, str]):
    async with connected(given["DATABASE_URL"]) as connection:
        await connection.execute("DELETE FROM ledger.events")  # It is of no program that there is.
    done = run("reprocess", **given)
    assert done.returncode == 0, done.stderr
    assert f"left alone    slots below {BORDER}: their bytes were let go\n" in done.stdout
    proven = run("verify", "--protocol", "drift", **given)
    assert f"the bytes of slots below {BORDER} were let go: of these it says what was proven before" in proven.stdout


def test_transactions_of_what_is_kept_can_be_told():
    digests.check_bytes(Span(BORDER, BORDER + 5), BORDER, transactions=True)
    with pytest.raises(InputError, match=f"below {BORDER} were let go"):
        digests.check_bytes(Span(BORDER - BUCKET_SLOTS, BORDER), BORDER, transactions=True)
