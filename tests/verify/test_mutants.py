"""Changes that would make the certificate blind or cry wolf, each noticed by a named test."""

from __future__ import annotations

from functools import partial

import pytest

from indexer.verify.gap import Circumstances
from tests.mutation import Mutant, mutant
from tests.verify import test_certificate as certificates
from tests.verify import test_chain as chains
from tests.verify import test_witnesses as told

MUTANTS = [
    mutant(
        "what moved behind the last known value is forgotten",
        chains.test_what_only_moves_is_checked_by_the_next_value_that_is_told,
        "verify.chain",
        ("left.last.value + left.trail + right.lead", "left.last.value + right.lead"),
    ),
    mutant(
        "numbers may run back",
        chains.test_a_number_that_comes_again_is_a_break_too,
        "verify.chain",
        ("if expected == right.first.value:", "if expected >= right.first.value:"),
    ),
    mutant(
        "links count in the order in which they come",
        chains.test_links_are_read_in_the_order_of_their_places,
        "verify.chain",
        ("for link in sorted(links, key=lambda link: link.place):", "for link in links:"),
    ),
    mutant(
        "a day may run back",
        chains.test_what_has_no_time_is_of_the_day_before_it_and_days_never_run_back,
        "verify.chain",
        ("max(today, link.time // _DAY_S)", "link.time // _DAY_S"),
    ),
    mutant(
        "a trade count counts at its place in the transaction",
        told.test_a_trade_count_counts_whether_it_is_told_before_or_behind_the_trade,
        "verify.chain",
        ("place=link.place._replace(position=END)", "place=link.place"),
    ),
    mutant(
        "ghosts mint",
        told.test_a_ghost_mints_nothing,
        "verify.gmx_solana",
        ("if evidence.is_committed(event):", "if True:"),
    ),
    mutant(
        "a closed position goes on",
        told.test_a_position_begins_anew_when_it_was_closed_whatever_its_account_kept,
        "verify.gmx_solana",
        ("if state.size_in_usd else 0", ""),
    ),
    mutant(
        "burned GT is minted",
        told.test_gt_is_given_and_burned_by_what_its_totals_say,
        "verify.gmx_solana",
        ("moved = -fields.receiver_delta if", "moved = fields.receiver_delta if"),
    ),
    mutant(
        "a liquidation finds nothing",
        told.test_sizes_of_a_jupiter_position_follow_from_event_to_event,
        "verify.jupiter_perps",
        ("fields.positionSizeUsd, 0, row=", "0, 0, row="),
    ),
    mutant(
        "spot fills are counted with perp fills",
        told.test_perp_and_spot_markets_count_apart,
        "verify.drift",
        ('else ("spot_fills", spot_key)', 'else ("perp_fills", perp_key)'),
    ),
    mutant(
        "slots that are not settled explain nothing",
        partial(
            certificates.test_a_cause_is_what_is_known_of_the_slots_between,
            Circumstances(is_settled=False, truncated=1),
            "not_settled",
        ),
        "verify.gap",
        ("if not known.is_settled:", "if False:"),
    ),
    mutant(
        "a loss leaves the certificate whole",
        partial(certificates.test_a_gap_is_a_loss_unless_it_is_explained, None, "broken", False),
        "verify.certificate",
        ('return "broken" if gap.cause is None else', 'return "truncated" if gap.cause is None else'),
    ),
    mutant(
        "an open end is whole",
        certificates.test_an_end_that_nothing_tells_is_open_and_a_supply_without_a_reading_is_not_provable,
        "verify.certificate",
        ('"open" if counts.open and evidence.form != "state" else "whole"', '"whole"'),
    ),
]


@pytest.mark.parametrize("one", MUTANTS, ids=lambda one: one.name)
def test_a_mutant_is_noticed(one: Mutant, monkeypatch: pytest.MonkeyPatch):
    one.check(monkeypatch)
