"""Changes in the ledger's functions and in what a page leaves out: each makes a named test of retention fail."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import asyncpg
import pytest

from indexer.errors import StoreUnavailable
from indexer.store.connection import connected
from tests.mutation import exchanged
from tests.store import test_borders as borders
from tests.store import test_retention as retention
from tests.store.aged import aged

Noticed = Callable[..., Awaitable[None]]
GET = "SELECT pg_get_functiondef($1::regproc)"
IN_THE_LEDGER: list[tuple[str, str, str, str, Noticed]] = [
    (
        "coverage stays",
        "forget_below", "SET slots = slots * stays\n    WHERE stream IN", "SET slots = slots\n    WHERE stream IN",
        retention.test_what_goes_as_a_whole_goes_with_its_coverage_and_is_wanted_no_more,
    ),
    (
        "it is wanted again at once",
        "forget_below", "greatest(wanted_from, border)", "wanted_from",
        retention.test_what_goes_as_a_whole_goes_with_its_coverage_and_is_wanted_no_more,
    ),
    (
        "digests stay",
        "forget_below", "DELETE FROM ledger.digests WHERE", "DELETE FROM ledger.digests WHERE false AND",
        retention.test_digests_go_with_what_goes_as_a_whole_and_stay_where_bytes_go_alone,
    ),
    (
        "who works there is not asked",
        "forget_below", "lower(slots) < border", "lower(slots) < 0",
        retention.test_where_somebody_works_nothing_goes_until_he_is_done,
    ),
    (
        "proofs of what is gone stay",
        "forget_below", "DELETE FROM ledger.chain_segments WHERE", "DELETE FROM ledger.chain_segments WHERE false AND",
        borders.test_what_was_proven_stays_proven_when_its_bytes_go,
    ),
    (
        "writers are not locked out",
        "hold_borders", "x'72657461'::int", "x'72657462'::int",
        borders.test_a_cut_waits_for_a_page_that_is_being_written_and_takes_it_along,
    ),
    (
        "writers are locked out for as long as a page takes",
        "hold_borders", "'2s'", "'7s'",
        borders.test_a_page_that_takes_long_puts_the_cut_off_and_holds_nobody_up_for_longer,
    ),
    (
        "only what is attached is dropped",
        "partitions_below", "LEFT JOIN pg_inherits", "JOIN pg_inherits",
        retention.test_a_partition_that_was_detached_and_not_dropped_goes_the_next_time,
    ),
]  # fmt: skip
IN_PAGES: list[tuple[str, str, str, str, Noticed]] = [
    (
        "a page settles below the border",
        "store.borders", "[Span(0, borders.kept_from)] if borders.kept_from else []", "[]",
        borders.test_a_page_that_was_fetched_before_a_cut_leaves_nothing_below_it,
    ),
    (
        "a page writes below the border",
        "store.borders", "if row[_SLOT] >= kept_from", "if True",
        borders.test_pages_go_on_while_partitions_are_detached_below_them,
    ),
    (
        "bytes that were let go count once more",
        "store.borders", "not covers(covered.get(row[_PROTOCOL], ()), row[_SLOT])", "True",
        borders.test_a_gap_below_let_go_bytes_is_filled_without_bytes_and_counts_in_the_digest_once,
    ),
    (
        "a reprocess deletes rows whose bytes are gone",
        "store.postgres", "if tx.slot >= locked.borders.bytes_from", "if True",
        borders.test_a_reprocess_that_read_before_the_bytes_went_leaves_their_rows_alone,
    ),
    (
        "a bucket without bytes is proven anew",
        "store.proofs", "if span.start >= await _bytes_from(session):", "if True:",
        borders.test_what_was_proven_stays_proven_when_its_bytes_go,
    ),
    (
        "a repair fetches what no proof can close",
        "ingest.repairing", "if gap.bracket.end > bytes_from", "if True",
        partial(borders.test_a_repair_leaves_gaps_alone_whose_bytes_were_let_go, cause=None),
    ),
]  # fmt: skip


async def noticed(test: Noticed, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, Any] = {"database_url": url, "monkeypatch": monkeypatch}
    async with aged(url) as store:
        names = [name for name in inspect.signature(test).parameters if name == "store" or name in given]
        with pytest.raises(
            (AssertionError, pytest.fail.Exception, asyncpg.PostgresError, StoreUnavailable, TimeoutError)
        ):
            await test(**{name: store if name == "store" else given[name] for name in names})


@pytest.mark.parametrize(
    ("function", "piece", "instead", "test"), [pytest.param(*rest, id=name) for name, *rest in IN_THE_LEDGER]
)
async def test_a_mutant_in_the_ledger_is_noticed(database_url, monkeypatch, function, piece, instead, test):
    async with connected(database_url) as connection:
        source = await connection.fetchval(GET, f"ledger.{function}")
        assert piece in source, f"{function} has no {piece!r} any more: write the mutant anew"
        await connection.execute(source.replace(piece, instead))
    await noticed(test, database_url, monkeypatch)


@pytest.mark.parametrize(
    ("module", "piece", "instead", "test"), [pytest.param(*rest, id=name) for name, *rest in IN_PAGES]
)
async def test_a_mutant_in_pages_is_noticed(database_url, monkeypatch, module, piece, instead, test):
    exchanged(module, (piece, instead))(monkeypatch)
    await noticed(test, database_url, monkeypatch)
