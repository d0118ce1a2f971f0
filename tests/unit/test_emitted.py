"""Payloads where heights, trees or logs are missing: whom they belong to, and what is told of the rest."""

import msgspec

from indexer.core.emitted import LogPrograms, cpi_payloads, log_payloads
from indexer.core.instructions import enclosing_of
from indexer.core.transaction import Transaction
from tests.world import call, cpi_transaction, event, frame, key, signature, transaction

PROGRAM, AUTHORITY, OTHER = key(1), key(2), key(3)
PROGRAMS = LogPrograms({PROGRAM: (b"discrimi",)})
ONE, TWO = b"discrimi" + b"1", b"discrimi" + b"2"


def callers(tx: Transaction) -> list[tuple[int, int | None, bytes | None]]:
    return [(p.index, p.enclosing.index, p.enclosing.discriminator) for p in cpi_payloads(tx, PROGRAM, AUTHORITY)]


def without_heights(tx: Transaction) -> Transaction:
    inner = (msgspec.structs.replace(i, stack_height=None) if i.is_inner else i for i in tx.instructions or ())
    return msgspec.structs.replace(tx, instructions=tuple(inner))


def test_without_heights_an_event_is_never_the_caller_of_the_next_one() -> None:
    tx = without_heights(cpi_transaction(PROGRAM, AUTHORITY, call(b"actionxx", (), ONE, TWO)))
    assert callers(tx) == [(1, 0, b"actionxx"), (2, 0, b"actionxx")]


def test_without_heights_the_caller_is_the_last_call_of_the_program() -> None:
    inside = frame(PROGRAM, event(PROGRAM, AUTHORITY, ONE), frame(OTHER), discriminator=b"actionxx")
    assert callers(without_heights(transaction(frame(OTHER, inside)))) == [(2, 1, b"actionxx")]


def test_heights_that_fit_no_caller_are_no_event() -> None:
    tx = cpi_transaction(PROGRAM, AUTHORITY, call(b"actionxx", (), ONE))
    outer, inner = tx.instructions or ()
    gap = (outer, msgspec.structs.replace(inner, stack_height=4))
    assert callers(msgspec.structs.replace(tx, instructions=gap)) == []


def test_an_instruction_without_data_has_no_discriminator() -> None:
    tx = transaction(frame(PROGRAM, discriminator=b""))
    assert enclosing_of((tx.instructions or ())[0]).discriminator is None


def test_a_cut_before_our_call_is_told_where_the_keys_name_us() -> None:
    cut = Transaction(7, signature(0), True, frozenset({PROGRAM}), None, ("Log truncated",))
    _, missing = log_payloads(cut, PROGRAMS)
    assert missing is not None
    assert (missing.reason, missing.program_id) == ("truncated_logs", PROGRAM)
    assert log_payloads(msgspec.structs.replace(cut, keys=frozenset({OTHER})), PROGRAMS) == ([], None)


def test_lines_that_contradict_the_tree_are_kept_as_evidence() -> None:
    tx = transaction(frame(PROGRAM), logs=("line one", "line two"))
    _, missing = log_payloads(tx, PROGRAMS)
    assert missing is not None
    assert (missing.reason, missing.evidence) == ("attribution_mismatch", b"line one\nline two")
