"""Changes that would make the aggregates wrong, each noticed by the comparison with plain Python.

What a rollup or a view is made of is seen on one world; what a row reaches elsewhere only while a world lives, which
takes longer: those run with `make parity`.
"""

from __future__ import annotations

import os

import pytest

from indexer.store import statements
from tests.aggregates import plain
from tests.aggregates.book import read
from tests.aggregates.days import Numbers
from tests.aggregates.mutants import OF_MARKS, OF_ROLLUPS, OF_VIEWS, Mutant, changed, mutated, selected
from tests.aggregates.parity import all_differences, comparable, differences, live, parity
from tests.aggregates.worlds import World

SEEDS = (1, 5, 0)
IS_LONG = os.environ.get("PARITY_MUTANTS") == "all"

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_every_mutant_finds_its_place() -> None:
    """Also those that run with `make parity` alone."""
    for mutant in (*OF_ROLLUPS, *OF_MARKS):
        changed(mutant, (statements._QUERIES / f"{mutant.file}.sql").read_text(encoding="utf-8"))


async def test_what_makes_a_rollup_or_a_view_wrong_is_noticed(ledger: Numbers, monkeypatch: pytest.MonkeyPatch) -> None:
    views, rollups = list(OF_VIEWS), list(OF_ROLLUPS)
    for seed in SEEDS:  # Each world has only to notice what those before it did not.
        await ledger.empty()
        await live(World(seed), ledger, at_once=False)
        book = await read(ledger.store, ledger.connection)
        assert await all_differences(ledger.connection, book) == {}
        expected = plain.views(book)
        views = [mutant for mutant in views if not await _is_seen(mutant, ledger, expected[mutant.name])]
        rollups = [mutant for mutant in rollups if not await _is_noticed(mutant, ledger, monkeypatch)]
    assert [mutant.name for mutant in (*views, *rollups)] == []


async def _is_seen(mutant: Mutant, ledger: Numbers, expected: plain.View) -> bool:
    rows = await ledger.connection.fetch(selected(mutant))
    made = [{name: comparable(value) for name, value in row.items()} for row in rows]
    return bool(differences(made, expected))


async def _is_noticed(mutant: Mutant, ledger: Numbers, monkeypatch: pytest.MonkeyPatch) -> bool:
    with mutated(mutant, ledger, monkeypatch):
        if mutant.file == "keep_rollup":
            await ledger.connection.execute("DELETE FROM ledger.trades WHERE market_kind = 'perp'")
        await make_again(ledger)
        return bool(await all_differences(ledger.connection, await read(ledger.store, ledger.connection)))


async def make_again(ledger: Numbers) -> None:
    """Mark everything, also the hours in which a holding is known."""
    await ledger.connection.execute("SELECT ledger.mark_all()")
    await ledger.roll()


@pytest.mark.skipif(not IS_LONG, reason="takes long: make parity")
@pytest.mark.parametrize("mutant", OF_MARKS, ids=lambda mutant: mutant.name)
async def test_what_leaves_a_dependent_hour_unmarked_is_noticed(
    ledger: Numbers, monkeypatch: pytest.MonkeyPatch, mutant: Mutant
) -> None:
    with mutated(mutant, ledger, monkeypatch):
        found = await parity(mutant.seed, ledger, at_once=False)
    assert found, f"world {mutant.seed} does not notice it: name another seed"
