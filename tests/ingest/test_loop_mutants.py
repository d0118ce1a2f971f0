"""Changes that would make the loops of ingest lose, hurry or starve, each noticed by a test of its loop."""

from __future__ import annotations

from functools import partial

import pytest

from tests.ingest import test_claims as claims
from tests.ingest import test_filling as filling
from tests.ingest import test_heads as heads
from tests.ingest import test_listening as listening
from tests.ingest import test_settling as settling
from tests.ingest import test_witnesses as witnesses
from tests.mutation import Mutant, mutant

_AT_LAST = "            return await filler.missing(task, wanted)\n"
_FRUITLESS = "            fruitless += 1\n            await asyncio.sleep(next(pauses))\n"
MUTANTS = [
    # Filling.
    mutant(
        "what was seen and is not listed never was",
        partial(witnesses.test_a_slot_is_not_settled_by_what_lacks_a_transaction_that_was_seen, "signatures"),
        "ingest.writing",
        ("seen = None if strategy in _SEES_ALL else", "seen = None if True else"),
    ),
    mutant(
        "blocks settle no more than lists do",
        witnesses.test_a_whole_block_decides_what_was_seen_and_is_not_there,
        "ingest.writing",
        ("seen = None if strategy in _SEES_ALL else", "seen ="),
    ),
    mutant(
        "what one strategy does not have is asked of no other",
        partial(filling.test_what_a_strategy_leaves_goes_to_the_next_one, "lacks"),
        "ingest.filling",
        ("left = await self.missing(task, begin)", "left = await self.lacking(task, begin)"),
    ),
    mutant(
        "what others settled meanwhile is asked for again",
        filling.test_what_others_settled_before_it_was_claimed_is_not_asked_again,
        "ingest.filling",
        ("begin = await self.missing(task, {name: common(spans, [claim]) for name, spans in lacking.items()})",
         "begin = {name: common(spans, [claim]) for name, spans in lacking.items()}"),
    ),
    mutant(
        "a source is asked for what it does not reach",
        filling.test_what_a_source_does_not_reach_is_not_asked_of_it_and_stays_missing,
        "ingest.filling",
        ("{name: common(spans, [reach]) for name, spans in left.items()}", "left"),
    ),
    mutant(
        "claims are kept",
        partial(claims.test_a_claim_ends_with_its_step, 5),
        "ingest.claims",
        ("briefly(self._store.release(streams, claim, self._holder))", "asyncio.sleep(0, True)"),
    ),
    mutant(
        "claims are not renewed",
        claims.test_a_claim_is_renewed_for_as_long_as_its_step_takes,
        "ingest.claims",
        ("await self._store.renew(self._holder, self._lease_s)", "pass"),
    ),
    mutant(
        "a claim that could not be given back is left",
        claims.test_a_claim_that_could_not_be_given_back_is_given_back_before_the_next_one,
        "ingest.claims",
        ("self._owed.append((streams, claim))", "pass"),
    ),
    mutant(
        "nobody claims",
        partial(claims.test_two_fillers_of_one_ledger_never_work_on_the_same_slots, True),
        "store.memory_coordination",
        ("held = [claim.span for claim in self._claims if claim.stream in streams]", "held = []"),
    ),
    mutant(
        "the first slot that is missing is always the next one",
        partial(settling.test_a_slot_that_breaks_every_answer_is_alone_in_the_end, False),
        "ingest.turns",
        ("untried = missing(lacking, self._left)", "untried = lacking"),
    ),
    mutant(
        "a piece that breaks is asked for whole again",
        partial(settling.test_a_slot_that_breaks_every_answer_is_alone_in_the_end, True),
        "ingest.filling",
        ("self._span_slots >> turns.rounds", "self._span_slots"),
    ),
    mutant(
        "a loop that gets nowhere goes on at once",
        settling.test_a_slot_that_stays_open_keeps_no_loop_busy,
        "ingest.settling",
        ("        elif filled.is_again:\n            await asyncio.sleep(max(pause_s, next(pauses)))\n", ""),
    ),
    mutant(
        "what is left is asked for without patience",
        settling.test_a_fill_outlives_a_database_that_is_away_at_any_moment,
        "ingest.settling",
        (f"            if fruitless >= MOST_FRUITLESS:\n    {_AT_LAST}", ""),
        (f"    {_AT_LAST}", "                break\n"),
        ("    while True:\n        try:\n", "    while fruitless < MOST_FRUITLESS:\n        try:\n"),
        (_FRUITLESS, f"{_FRUITLESS}{_AT_LAST[8:]}"),
    ),
    # Heads.
    mutant(
        "the last answer is the head",
        partial(heads.never_back, [(10, 20), (9, 30), (12, 11)]),
        "ingest.heads",
        ("Heads(max(old.finalized, heads.finalized), max(old.confirmed, heads.confirmed))", "heads"),
    ),
    mutant(
        "a start leaves out what nobody wanted",
        partial(heads.test_a_start_that_leaves_out_slots_is_refused_and_changes_nothing, *heads.BEHIND_SETTLED_ONES),
        "store.coordination",
        ("(state.wanted_from, max(settled_up_to, default=None))", "(state.wanted_from,)"),
    ),
    # Listening.
    mutant(
        "what could not be asked for is forgotten",
        listening.test_what_could_not_be_asked_for_is_asked_for_until_somebody_answers,
        "ingest.listening",
        ("self._behind |= wanted\n", "pass\n"),
    ),
    mutant(
        "what could not be fetched is forgotten",
        listening.test_what_could_not_be_fetched_is_asked_for_when_somebody_answers,
        "ingest.listening",
        ("self._precedence.end()\n                self._fall_behind(hint.stream)", "self._precedence.end()"),
    ),
    mutant(
        "what falls behind meanwhile is forgotten",
        listening.test_what_falls_behind_while_somebody_is_asked_is_asked_for_afterwards,
        "ingest.listening",
        ("            self._behind -= wanted  # Before", "            # Before"),
        ("self._behind |= set(found.lacking)", "self._behind -= wanted"),
    ),
    mutant(
        "what nobody gave of a list is forgotten",
        listening.test_what_a_list_names_and_nobody_gave_is_asked_for_again,
        "ingest.listening",
        ("self._behind |= set(found.lacking)", "pass"),
    ),
    mutant(
        "history does not hear of what was written",
        listening.test_history_gives_way_to_a_notification_until_its_rows_are_written_or_nobody_has_them,
        "ingest.listening",
        ("self._precedence.end(len(some))", "pass"),
    ),
    mutant(
        "a subscription that is lost is no loss while another stands",
        listening.test_a_subscription_that_is_lost_is_made_up_for_even_where_another_one_stands,
        "ingest.listening",
        ("discard((one.stream, one.endpoint))\n                        self._fall_behind(one.stream)",
         "discard((one.stream, one.endpoint)); self._wake.set()"),
    ),
    mutant(
        "self-CPI events are looked for in the lines",
        partial(listening.test_what_a_notification_does_not_hold_is_fetched, *listening.BY_CPI),
        "sources.hints",
        ("or not is_log_stream(stream)", ""),
    ),
    mutant(
        "queues have no bound",
        partial(listening.test_nothing_is_lost_while_the_ledger_is_away_and_the_sockets_wait, 1),
        "ingest.listening",
        ("asyncio.Queue(queue)", "asyncio.Queue()"),
    ),
    mutant(
        "everything that waits is one page",
        partial(listening.test_nothing_is_lost_while_the_ledger_is_away_and_the_sockets_wait, 1000),
        "ingest.listening",
        ("len(some) < MOST_AT_ONCE and not", "not"),
    ),
]  # fmt: skip


@pytest.mark.parametrize("planted", [pytest.param(one, id=one.name) for one in MUTANTS])
def test_a_mutant_is_noticed(planted: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
    planted.check(monkeypatch)
