"""Changes that would make sources lie or lose, each noticed by a named test.

A mutant is a piece of a function's source and what stands there instead. Where the piece is gone, the mutant must be
written anew: it says which rule the piece stood for.
"""

from __future__ import annotations

import inspect
import sys
import textwrap
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from indexer.sources import (
    addresses,
    blocks,
    endpoint,
    fetched,
    line,
    listing,
    providers,
    rate,
    readings,
    reasons,
    rpc,
    signatures,
)
from tests.sources import test_blocks, test_providers, test_secrets, test_signatures
from tests.sources.scripted import Error


class Mutant(msgspec.Struct, frozen=True):
    name: str
    owner: Any  # The class or module whose function it is.
    function: str
    piece: str
    instead: str
    noticed_by: Callable[..., Any]
    case: tuple[Any, ...] = ()


MUTANTS = [
    Mutant(
        "slots count as empty without a parent link", blocks._Walk, "_tell",
        "max(self._told, link.floor) + 1, link.slot", "self._told + 1, link.slot",
        test_blocks.test_a_block_that_nobody_has_is_unavailable_and_never_settled, (Error(-32007),),
    ),
    Mutant(
        "a list of blocks is taken for all there is", blocks._Walk, "append",
        "path[0].floor > self.top", "False",
        test_blocks.test_a_block_that_the_list_lacks_is_fetched_when_its_child_names_it,
    ),
    Mutant(
        "behind the last block slots count as empty", blocks._Walk, "end",
        "self._tell(self._last)", "self._tell(self._last); self._page.settles(self._told + 1, 10**6)",
        test_blocks.test_behind_the_last_block_nothing_is_known,
    ),
    Mutant(
        "blockhashes are not compared", blocks, "contradicts",
        "not follows(child, parent)", "child.floor != parent.slot",
        test_blocks.test_a_block_of_a_fork_is_not_believed_where_its_successor_does_not_name_it,
    ),
    Mutant(
        "a lagging node's list of blocks counts", blocks.BlocksSource, "_listed",
        "past=end - 1", "past=None",
        test_blocks.test_a_node_that_is_behind_is_waited_for,
    ),
    Mutant(
        "a list of blocks comes from whose history begins behind it", rpc.Rpc, "slots_with_blocks",
        "*self.providers.lacking(span.start)", "",
        test_blocks.test_whose_history_begins_above_the_span_is_not_asked_for_its_list,
    ),
    Mutant(
        "blocks that no list has are walked through without end", blocks._Walk, "append",
        "len(path) > self._most_unlisted", "False",
        test_blocks.test_a_list_that_begins_far_above_the_span_is_walked_down_no_further_than_settings_say,
    ),
    Mutant(
        "a transaction without meta hides nothing", fetched.Fetcher, "hidden",
        "if block.unavailable:", "if False:",
        test_blocks.test_a_transaction_without_meta_is_sought_elsewhere_and_hides_its_slot,
    ),
    Mutant(
        "a cut slot counts", listing._Pages, "add",
        "self._told(max(low + 1,", "self._told(max(low,",
        test_signatures.test_a_page_that_is_cut_inside_a_slot_settles_only_the_slots_above, (3,),
    ),
    Mutant(
        "the next page goes on inside the slot", listing._Pages, "add",
        "whole[-1] if whole else page[-1]", "page[-1]",
        test_signatures.test_where_the_order_inside_a_slot_changes_between_pages_nothing_is_lost,
    ),
    Mutant(
        "an empty page ends all history", listing.Lister, "_from",
        "pages.ended(floor)", "pages.ended(0)",
        test_signatures.test_an_empty_page_ends_the_history_only_of_who_has_the_span,
    ),
    Mutant(
        "a page of failed transactions ends the history", listing.Lister, "_from",
        "None if page else", "None if any(e.succeeded for e in page) else",
        test_signatures.test_a_page_of_failed_transactions_does_not_end_the_history,
    ),
    Mutant(
        "the answerer of a list need not be past the span", rpc.Rpc, "signatures",
        '{"minContextSlot": past}', "{}",
        test_signatures.test_a_backend_that_is_behind_its_own_balancer_settles_nothing,
    ),
    Mutant(
        "lists are whole at the archive seam", listing.Seams, "of",
        "floor > first", "False",
        test_signatures.test_around_the_archive_seam_lists_settle_nothing,
    ),
    Mutant(
        "a list that ignores `before` is believed", readings, "in_order",
        "before is not None and", "False and",
        test_signatures.test_a_list_that_was_made_without_before_is_not_believed,
    ),
    Mutant(
        "the slot of a transaction is not compared with the list's", signatures._Wanted, "checked",
        "transaction.slot != self.entry.slot", "False",
        test_signatures.test_where_list_and_transaction_disagree_about_the_slot_neither_slot_counts,
    ),
    Mutant(
        "a transaction that nobody has is passed over", signatures._Bearer, "page",
        "[*of_slots(lacking), *stretch.doubts]", "[*stretch.doubts]",
        test_signatures.test_a_transaction_that_nobody_has_leaves_its_slot_open, (test_signatures.Null,),
    ),
    Mutant(
        "backfill goes first", line.Line, "move",
        "*self._waiting.values()", "*reversed(self._waiting.values())",
        test_providers.test_where_there_is_one_token_at_a_time_a_live_request_gets_it,
    ),
    Mutant(
        "backfill takes every token", rate.Rate, "_reserve",
        'lane == "live"', "True",
        test_providers.test_a_live_request_goes_before_all_backfill_that_waits,
    ),
    Mutant(
        "the rate stays on 429", rate.Rate, "overloaded",
        "self.per_s * FALL", "self.per_s",
        test_providers.test_the_rate_goes_down_on_429_and_up_again,
    ),
    Mutant(
        "Retry-After is not read", reasons, "reason_of_status",
        "wait_s=retry_after_s(reply.headers)", "wait_s=None",
        test_providers.test_retry_after_is_kept,
    ),
    Mutant(
        "any cluster will do", endpoint.Endpoint, "introduced",
        "genesis_hash != expected", "False",
        test_providers.test_an_endpoint_of_another_cluster_is_refused_for_good,
    ),
    Mutant(
        "whoever answers is past the slot", providers.Providers, "_from",
        "if slot >= past", "if True",
        test_providers.test_where_all_are_behind_it_is_refused_with_both_slots,
    ),
    Mutant(
        "a granted place is lost in a cancel", line.Line, "granted",
        "self._give_back(waiting.grant.result().endpoint)", "pass",
        test_providers.test_a_cancel_in_the_moment_of_the_grant_gives_the_place_back,
    ),
    Mutant(
        "what a node says is shown as it comes", addresses.Scrubber, "__call__",
        "text.replace(secret, HIDDEN)", "text",
        test_secrets.test_no_key_shows_whatever_a_node_says, ("refusal",),
    ),
]  # fmt: skip


def planted(mutant: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
    true = inspect.getattr_static(mutant.owner, mutant.function)
    source = textwrap.dedent(inspect.getsource(true))
    assert mutant.piece in source, f"{mutant.function} has no {mutant.piece!r} any more: write the mutant anew"
    scope: dict[str, Any] = {}
    code = f"from __future__ import annotations\n{source.replace(mutant.piece, mutant.instead)}"
    exec(compile(code, mutant.name, "exec"), true.__globals__, scope)
    monkeypatch.setattr(mutant.owner, mutant.function, scope[mutant.function])
    if inspect.ismodule(mutant.owner):
        for module in [m for name, m in sys.modules.items() if name.startswith("indexer.sources.")]:
            if vars(module).get(mutant.function) is true:
                monkeypatch.setattr(module, mutant.function, scope[mutant.function])


@pytest.mark.parametrize("mutant", [pytest.param(mutant, id=mutant.name) for mutant in MUTANTS])
def test_a_mutant_is_noticed(mutant: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
    mutant.noticed_by(*mutant.case)  # The true program passes.
    planted(mutant, monkeypatch)
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        mutant.noticed_by(*mutant.case)
