"""Changes that would make hints or the Portal lie, each noticed by a named test.

A mutant is a piece of a module's source and what stands there instead. Where the piece is gone, the mutant must be
written anew: it says which rule the piece stood for.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable
from types import FunctionType
from typing import Any

import msgspec
import pytest

from indexer.sources.portal_frames import Contradiction
from tests.adversarial.cases import CASES
from tests.sources import (
    test_portal,
    test_portal_lines,
    test_portal_requests,
    test_portal_rows,
    test_websocket,
    test_websocket_breaks,
)
from tests.sources.reading import empty
from tests.sources.test_portal import fetching


class Mutant(msgspec.Struct, frozen=True):
    name: str
    module: str  # Of indexer.sources.
    piece: str
    instead: str
    noticed_by: Callable[[], Any]


def case(name: str) -> Any:
    return next(one for one in CASES if one.name == name)


PORTAL = [
    Mutant(
        "an empty answer settles what was asked for", "portal_pages",
        "if following.number < self._end:", "if False:",
        test_portal.test_an_empty_answer_for_a_block_that_is_there_is_asked_for_again,
    ),
    Mutant(
        "an empty answer needs no proof", "portal",
        "await self._prove_empty(reading, reach)", "reading.next = rest.end",
        lambda: test_portal.test_an_empty_answer_settles_nothing_by_itself(empty),
    ),
    Mutant(
        "a block may be left out where an answer begins", "portal_pages",
        "if is_first and header.parent_number >= self.next:", "if False:",
        test_portal.test_a_block_left_out_between_two_answers_is_noticed,
    ),
    Mutant(
        "parents need not have the hash that came", "portal_pages",
        "if (header.parent_number, header.parent_hash) != (last.number, last.hash):", "if False:",
        test_portal.test_another_chain_in_the_next_answer_is_noticed,
    ),
    Mutant(
        "a slot is settled although a transaction of it is not whole", "portal_pages",
        "settled=self._named(missing([covered], held)),", "settled=self._named((covered,)),",
        lambda: test_portal.test_a_slot_with_dropped_lines_that_nobody_has_is_unavailable(None),
    ),
    Mutant(
        "a failed fetch is an answer", "portal",
        "return Found(wanted, None, is_answered=False)", "return Found(wanted, None)",
        test_portal.test_a_fetch_that_fails_leaves_its_slot_missing_and_nothing_else,
    ),
    Mutant(
        "a transaction without recorded logs fills the gap", "portal",
        "if unrecorded(fetched, [stream]):", "if False:",
        lambda: test_portal.test_a_slot_with_dropped_lines_that_nobody_has_is_unavailable(
            fetching(test_portal.NO_LOGS)
        ),
    ),
    Mutant(
        "a piece of a line is taken for a line", "portal_http",
        "if not _is_whole(self._rest):", "if False:",
        test_portal.test_a_body_that_ends_well_within_a_line_is_a_cut,
    ),
    Mutant(
        "what lies behind the finalized head is asked for", "portal",
        "min(span.end, reach.end)", "span.end",
        test_portal.test_nothing_behind_the_finalized_head_is_asked_for_or_settled,
    ),
    Mutant(
        "a hint to wait is ignored", "portal_http",
        'headers.get("retry-after", "")', '""',
        lambda: test_portal_requests.test_refusals_that_may_pass_are_asked_again_after_the_time_they_say(429),
    ),
    Mutant(
        "the budget has no period", "portal_http",
        "self._began[0] + self._period_s - clock()", "0",
        test_portal_requests.test_no_more_requests_are_sent_than_the_budget_allows,
    ),
    Mutant(
        "the cluster is not compared", "portal",
        "if known != head.hash:", "if False:",
        lambda: _not_refused(test_portal_requests.test_a_portal_of_another_cluster_is_refused_with_both_hashes),
    ),
    Mutant(
        "failed transactions come too", "portal_lines",
        "if one.err is not None:", "if False:",
        test_portal_lines.test_a_failed_transaction_is_left_out,
    ),
    Mutant(
        "dropped lines are not looked at", "portal_lines",
        "if one.has_dropped_log_messages is not False:", "if False:",
        lambda: test_portal_lines.test_what_does_not_fit_together_is_doubted(
            lambda line: line["transactions"][0].update(hasDroppedLogMessages=True), "dropped log lines of it"
        ),
    ),
    Mutant(
        "lines dropped of one instruction are not looked at", "portal_lines",
        "if parsed.has_dropped_log_messages is not False and not is_silent:", "if False:",
        lambda: test_portal_rows.test_the_corpus_comes_from_the_portal_as_from_blocks(
            case("logs are recorded and empty")
        ),
    ),
    Mutant(
        "a hole in the tree moves what follows", "portal_lines",
        "if not _follows(previous, address):", "if False:",
        lambda: test_portal_lines.test_what_does_not_fit_together_is_doubted(
            lambda line: line["instructions"].pop(2), "comes behind"
        ),
    ),
    Mutant(
        "kept lines close up", "portal_frames",
        'self.lines += [""] * (line.index - len(self.lines))', "pass",
        test_portal_lines.test_kept_lines_stand_at_their_own_index,
    ),
    Mutant(
        "silent calls run as late as they can", "portal_frames",
        "self._run_early(line)", "pass",
        test_portal_lines.test_calls_without_lines_run_before_a_line_where_there_is_room,
    ),
]  # fmt: skip

HINTS = [
    Mutant(
        "the watchdog is not armed again by a new subscription", "subscriptions",
        "one.since, one.until = now, now + min(", "one.since, one.until = now, 1e18 if one.in_vain else now + min(",
        test_websocket_breaks.test_the_watchdog_goes_on_where_no_new_subscription_ever_yields,
    ),
    Mutant(
        "the silence of a dead subscription is taken for its nature", "subscriptions",
        "natural = silent if alive >= silent * _LATE else alive", "natural = silent",
        test_websocket_breaks.test_how_long_a_dead_subscription_was_silent_teaches_nothing,
    ),
    Mutant(
        "an answer is waited for without end", "subscriptions",
        'one.state, one.until = "asked", now + self._patience.answer_s', 'one.state, one.until = "asked", 1e18',
        lambda: test_websocket_breaks.test_a_node_that_never_answers_is_left_and_asked_again_for_ever(
            ["logsSubscribe"]
        ),
    ),
    Mutant(
        "a refused subscription is given up", "subscriptions",
        'one.state, one.until = "refused", now + self._patience.refused_s', 'one.state, one.until = "refused", 1e18',
        lambda: test_websocket_breaks.test_a_refused_subscription_is_a_loss_with_its_reason_and_is_asked_for_slowly(
            None, "neither"
        ),
    ),
    Mutant(
        "the old subscription is never left", "subscriptions",
        "if one.id is not None:\n            yield", "if False:\n            yield",
        test_websocket_breaks.test_a_new_subscription_with_the_same_id_is_not_given_up,
    ),
    Mutant(
        "a stream stands with one of its addresses", "subscriptions",
        'any(other.state != "active" for other in family)', "False",
        test_websocket.test_a_stream_of_two_programs_stands_when_both_are_subscribed,
    ),
    Mutant(
        "the silent link is not noticed", "subscriptions",
        'raise Silent(f"no frame for {self._patience.link_s:g} s")', "self._heard = now",
        test_websocket_breaks.test_a_link_without_any_frame_is_opened_anew,
    ),
    Mutant(
        "a reader's slowness counts as a node's silence", "websocket",
        "subscriptions.excuse(clock() - now)", "pass",
        test_websocket.test_a_slow_reader_slows_the_sockets_and_loses_nothing,
    ),
    Mutant(
        "duplicates are told", "websocket",
        "if known is not None and known[0] == slot and known[1] >= has_lines:", "if False:",
        test_websocket.test_a_duplicate_is_told_once,
    ),
    Mutant(
        "an empty success hides the lines of another endpoint", "websocket",
        "known[1] >= has_lines", "True",
        test_websocket.test_a_success_without_lines_is_told_and_the_lines_of_another_endpoint_still_follow,
    ),
    Mutant(
        "placeholders are dropped without a word", "websocket",
        "        if slot is None:", "        if slot is None or transaction is None:",
        test_websocket.test_a_placeholder_signature_says_that_something_happened_in_its_slot,
    ),
    Mutant(
        "failed transactions are told", "websocket",
        "if transaction is not None and not transaction.succeeded:", "if False:",
        test_websocket.test_a_failed_transaction_is_no_hint,
    ),
    Mutant(
        "a break is not told", "websocket",
        "                await self._changed(State(stream, reason), put)", "                pass",
        lambda: test_websocket_breaks.test_a_closed_link_is_opened_again_and_every_stream_with_it(1006),
    ),
    Mutant(
        "a link that was opened was a good one", "websocket",
        "if clock() - began >= self._settings.steady_s:", "if True:",
        test_websocket_breaks.test_a_link_that_breaks_at_once_is_not_opened_in_a_hurry_though_it_was_confirmed,
    ),
    Mutant(
        "a success without lines is believed", "hints",
        "not transaction.logs or", "transaction.logs is None or",
        test_websocket.test_rows_may_be_written_from_a_log_stream_with_whole_lines_alone,
    ),
]  # fmt: skip


@pytest.mark.parametrize("mutant", [pytest.param(one, id=one.name) for one in (*PORTAL, *HINTS)])
def test_a_mutant_is_noticed(mutant: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
    mutant.noticed_by()
    _plant(mutant, monkeypatch)
    with pytest.raises((AssertionError, ValueError, LookupError, Contradiction)):
        mutant.noticed_by()


def _plant(mutant: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
    """Functions and methods of the changed source take the place of the true ones; classes stay what they are."""
    module = importlib.import_module(f"indexer.sources.{mutant.module}")
    source = inspect.getsource(module)
    assert source.count(mutant.piece) == 1, f"{mutant.module} has no {mutant.piece!r} any more: write the mutant anew"
    scope: dict[str, Any] = {"__name__": module.__name__}
    exec(compile(source.replace(mutant.piece, mutant.instead), module.__file__ or "", "exec"), scope)
    for name, true in list(vars(module).items()):
        if getattr(true, "__module__", None) != module.__name__:
            continue
        if isinstance(true, type):
            for part, changed in vars(scope[name]).items():
                if isinstance(changed, FunctionType | property) and not issubclass(true, msgspec.Struct | Exception):
                    monkeypatch.setattr(true, part, changed)
            scope[name] = true
        elif isinstance(true, FunctionType):
            for user in [m for n, m in sys.modules.items() if n.startswith(("indexer.", "tests."))]:
                if vars(user).get(name) is true:
                    monkeypatch.setattr(user, name, scope[name])


def _not_refused(test: Callable[[], None]) -> None:
    """pytest.raises fails by an outcome of its own."""
    try:
        test()
    except pytest.fail.Exception as error:
        raise AssertionError(str(error)) from None
