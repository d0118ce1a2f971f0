"""What must hold of `process` and of the readers before it, for any transaction at all."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from indexer.core.protocol import Processed, process, reinterpret
from indexer.core.reference import Reference
from indexer.core.rpc import Malformed, parse_block, parse_notification, parse_transaction
from indexer.core.transaction import Transaction, Unavailable
from tests.adversarial.answers import as_block, as_json, as_notification, as_parsed, as_wire
from tests.adversarial.cases import CASES, FILL_TX
from tests.encoder import IDL_FILES, idl_text
from tests.programs import DRIFT, JUPITER, built, protocols
from tests.property.strategies import disturbed, json_values, lines, seeds, spoilt, worlds
from tests.property.worlds import Truth, told, world, world_transaction
from tests.world import SLOT, frame, log_transaction, transaction

PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
QUIET = settings(deadline=None, phases=PHASES, suppress_health_check=list(HealthCheck))
some, many, most = (settings(QUIET, max_examples=count) for count in (100, 300, 400))

BASES = {
    "json": as_json(CASES[0].tx),
    "events": as_json(next(case for case in CASES if case.name == "both channels in one transaction").tx),
    "parsed": as_parsed(FILL_TX),
    "wire": as_wire(FILL_TX),
}


def run(tx: Transaction) -> Processed:
    return process(tx, protocols(), Reference())


# --- nothing raises -------------------------------------------------------------------------------------------------


@most
@given(st.lists(lines, max_size=12))
def test_no_log_lines_raise(drawn: list[str]) -> None:
    run(transaction(frame(DRIFT), logs=tuple(drawn)))
    run(Transaction(SLOT, bytes(64), True, None, None, tuple(drawn)))


@pytest.mark.parametrize("end", range(-12, 0))
def test_a_line_may_end_anywhere(end: int) -> None:
    """In lines that contradict themselves each line is looked at in its own right."""
    tx = next(case for case in CASES if case.name == "our program is its own callee").tx
    assert tx.logs is not None
    for place, line in enumerate(tx.logs):
        cut = (*tx.logs[:place], line[:end], *tx.logs[place + 1 :])
        run(msgspec.structs.replace(tx, logs=cut))
        run(msgspec.structs.replace(tx, logs=("Program x failed: y", *tx.logs, *cut), instructions=None))


@many
@given(worlds)
def test_no_payloads_raise(tx: Transaction) -> None:
    run(tx)


@many
@given(worlds, st.data())
def test_worlds_taken_apart_do_not_raise(tx: Transaction, data: st.DataObject) -> None:
    """Lines lost, doubled and moved; heights of no tree."""
    assert tx.logs is not None
    assert tx.instructions is not None
    kept = data.draw(st.lists(st.sampled_from([*tx.logs, "Log truncated"]), max_size=len(tx.logs) + 2))
    heights = st.none() | st.integers(-1, 9)
    odd = tuple(msgspec.structs.replace(one, stack_height=data.draw(heights)) for one in tx.instructions)
    run(msgspec.structs.replace(tx, logs=tuple(kept), instructions=odd))
    run(msgspec.structs.replace(tx, instructions=odd))


@pytest.mark.parametrize("base", BASES)
@most
@given(data=st.data())
def test_no_json_shape_raises_anything_but_its_two_answers(base: str, data: st.DataObject) -> None:
    with suppress(Malformed, Unavailable):
        run(parse_transaction(data.draw(disturbed(BASES[base]))))
    with suppress(Malformed, Unavailable):
        for tx in parse_block(data.draw(disturbed(as_block(BASES[base]))), SLOT).transactions:
            run(tx)


@many
@given(disturbed(as_notification(FILL_TX)) | json_values)
def test_no_notification_raises_anything_but_its_two_answers(answer: Any) -> None:
    with suppress(Malformed, Unavailable):
        run(parse_notification(answer))
    with suppress(Malformed, Unavailable):
        run(parse_transaction(answer))
    with suppress(Malformed, Unavailable):
        parse_block(answer, SLOT)


def test_the_worlds_hold_what_these_tests_are_about() -> None:
    """A property of empty transactions says nothing: count what the strategies make."""
    seen: Counter[str] = Counter()
    for seed in range(300):
        result = run(world_transaction(seed))
        seen.update(f"{row.origin.protocol} event" for row in result.events)
        seen.update(row.reason for row in result.failures)
        seen["records"] += len(result.records)

    @some
    @given(disturbed(BASES["events"]))
    def look(answer: Any) -> None:
        try:
            seen["answers read"] += bool(run(parse_transaction(answer)))
        except (Malformed, Unavailable):
            seen["answers refused"] += 1

    look()
    wanted = [*(f"{p.name} event" for p in protocols()), "records", "answers read", "answers refused"]
    wanted += ["short_payload", "unexpected_length", "invalid_value", "unknown_event"]
    assert not [word for word in wanted if seen[word] < 5], seen


# --- everything and nothing else ------------------------------------------------------------------------------------


@most
@given(seeds)
def test_what_our_programs_emitted_is_found_and_nothing_else(seed: int) -> None:
    frames = world(seed).frames
    assert told(run(transaction(*frames))) == Truth(frames).found


@most
@given(seeds, st.lists(st.integers(0, 10_000), min_size=1, max_size=4))
def test_lost_lines_never_make_a_wrong_owner(seed: int, lost: list[int]) -> None:
    """Lines that vanish without a word: what is still told was really emitted, by that program, in that instruction."""
    frames = world(seed).frames
    tx = transaction(*frames)
    lines = list(tx.logs or ())
    for place in lost:
        del lines[place % len(lines) : place % len(lines) + 1]
        if not lines:
            break
    result = run(msgspec.structs.replace(tx, logs=tuple(lines)))
    true = set(Truth(frames).found.values())
    assert {emitted for place, emitted in told(result).items() if place[0] == "log"} <= true


# --- what is kept is enough -----------------------------------------------------------------------------------------


def by_protocol(rows: list[msgspec.Struct], name: str) -> list[msgspec.Struct]:
    return [row for row in rows if row.origin.protocol == name]  # type: ignore[attr-defined]


@many
@given(worlds)
def test_stored_events_and_failures_give_what_the_chain_gave(tx: Transaction) -> None:
    """Reprocessing needs no chain: the same rows come from what was kept, whatever order it is read in."""
    fresh = run(tx)
    for protocol in protocols():
        kept = [*by_protocol(fresh.failures, protocol.name), *by_protocol(fresh.events, protocol.name)]
        again = reinterpret(protocol, reversed(kept), Reference())
        assert again.events == by_protocol(fresh.events, protocol.name)
        assert again.records == by_protocol(fresh.records, protocol.name)
        assert again.failures == [f for f in by_protocol(fresh.failures, protocol.name) if f.origin.index >= 0]


def test_the_corpus_gives_the_same_rows_from_what_was_kept() -> None:
    for case in CASES:
        fresh = run(case.tx)
        again = [
            reinterpret(p, [*by_protocol(fresh.failures, p.name), *by_protocol(fresh.events, p.name)], Reference())
            for p in protocols()
        ]
        assert [row for one in again for row in one.records] == fresh.records, case.name


@some
@given(worlds, st.data())
def test_positions_do_not_move_when_an_event_is_removed_from_the_idl(tx: Transaction, data: st.DataObject) -> None:
    """What the smaller IDL still knows has the same rows at the same places; the rest became failures there."""
    full = run(tx)
    known = sorted({row.origin.event for row in full.events if row.origin.event})
    if not known:
        return
    removed = data.draw(st.sampled_from(known))
    smaller = process(tx, without(removed), Reference())
    assert smaller.events == [row for row in full.events if row.origin.event != removed]
    lost = {row.origin.index for row in full.events if row.origin.event == removed and not row.is_text}
    assert {f.origin.index for f in smaller.failures if f.reason == "unknown_event"} >= lost


def without(event: str) -> tuple[object, ...]:
    texts = {}
    for name in IDL_FILES:
        document = json.loads(idl_text(name))
        document["events"] = [one for one in document["events"] if one["name"] != event]
        texts[name] = json.dumps(document)
    return built(texts)


@many
@given(worlds)
def test_the_same_transaction_gives_the_same_rows_and_no_identity_twice(tx: Transaction) -> None:
    first, second = run(tx), run(tx)
    assert first == second
    for rows in (first.events, first.records):
        keys = [(type(r), r.kind, r.origin.channel, r.origin.index, r.part) for r in rows]
        assert len(set(keys)) == len(keys)
    reasons = [(f.origin.protocol, f.origin.channel, f.origin.index, f.reason) for f in first.failures]
    assert len(set(reasons)) == len(reasons)


@some
@given(spoilt)
def test_protocols_do_not_see_each_other(payload: bytes) -> None:
    """A protocol's rows do not depend on which others are there, nor on what they emit."""
    tx = log_transaction(DRIFT, payload)
    alone = process(tx, protocols()[:1], Reference())
    assert run(tx) == alone
    assert not process(log_transaction(JUPITER, payload), protocols(), Reference()).failures
