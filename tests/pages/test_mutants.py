"""Changes that would make pages say more than is known, or let the ledger write HTML, each noticed by a named test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from indexer.http.pages import page
from indexer.http.pages.frame import DEVNET
from tests.mutation import Mutant, mutant
from tests.pages import test_cells, test_period, test_strip

MUTANTS = (
    mutant("states overlap", test_strip.test_what_is_settled_is_not_missing_too, "http.pages.strip",
           ("min(left, Decimal(share))", "Decimal(share)")),
    mutant("today lacks its rest", test_strip.test_the_rest_of_a_day_that_is_not_over_is_no_gap, "http.pages.strip",
           ("if beside is None or not any(found.values()) else _lacking([row, *beside])",
            "if not any(found.values()) else _lacking([row, *(beside or ())])")),
    mutant("nothing seen is a gap", test_strip.test_what_nobody_asked_for_is_no_gap, "http.pages.strip",
           (" or not any(found.values())", "")),
    mutant("almost is all", test_strip.test_what_is_not_whole_is_not_said_to_be_all_of_it, "http.pages.strip",
           ("Decimal('99.9')", "Decimal(100)")),
    mutant("a window may be empty", test_period.test_a_window_ends_with_a_full_day_and_begins_where_it_was_asked_to,
           "http.pages.period", ("if days < 1:", "if days < 0:")),
    mutant("links forget the end", test_period.test_a_link_keeps_the_end, "http.pages.period",
           ('"to": wanted.last}\n', '"to": None}\n')),
    mutant("unknown is left out", test_cells.test_a_number_is_to_the_right_and_what_nobody_knows_is_said,
           "http.pages.cells", ("UNKNOWN if is_said", "\"\" if is_said")),
    mutant("almost full is full", test_cells.test_how_much_of_a_day_was_seen_is_beside_its_numbers,
           "http.pages.cells", ("_TICK, ROUND_DOWN)", "_TICK)")),
    mutant("keys break addresses", test_cells.test_a_market_is_linked_by_its_key_whatever_is_in_it,
           "http.pages.cells", ('quote(name, safe="")', "quote(name)")),
    mutant("words are markup", test_cells.test_what_the_ledger_says_is_text_and_never_markup, "http.pages.words",
           ("str(escape(worded(text)))", "worded(text)")),
    mutant("devnet is mainnet", lambda: test_cells.test_a_ledger_that_is_not_of_mainnet_says_so(DEVNET, "Devnet."),
           "http.pages.frame", ("in (None, MAINNET)", "in (None, MAINNET, DEVNET)")),
    mutant("numbers from the oldest on", test_cells.test_below_a_chart_are_its_numbers_week_by_week_back_from_the_last,
           "http.pages.drawn", (", reverse=True)", ")")),
)  # fmt: skip


@pytest.fixture(autouse=True)
def _no_template_remembers_a_mutant() -> Iterator[None]:
    page._templates.cache_clear()
    yield
    page._templates.cache_clear()


@pytest.mark.parametrize("one", MUTANTS, ids=lambda one: one.name)
def test_a_wrong_page_is_noticed(one: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
    one.check(monkeypatch)
