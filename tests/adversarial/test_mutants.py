"""Changes that would make the core wrong, each noticed by a named case of the corpus.

A mutant is a piece of a module's source and what stands there instead, or a function that gives something else.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from indexer.core import emitted, protocol
from indexer.core.frames import Programs
from indexer.core.logs import Logs, read_logs
from indexer.core.protocol import process
from indexer.core.reference import Reference
from indexer.core.rpc import Malformed, parse_transaction
from tests import mutation
from tests.adversarial.answers import as_json
from tests.adversarial.cases import CASES, Case, D
from tests.adversarial.test_corpus import found
from tests.mutation import Plant
from tests.programs import DRIFT, protocols
from tests.property.worlds import Truth, told, world
from tests.world import transaction


class Mutant(msgspec.Struct, frozen=True):
    name: str
    noticed_by: str  # A case of the corpus.
    plant: Plant


def exchanged(module_name: str, piece: str, instead: str) -> Plant:
    return mutation.exchanged(f"core.{module_name}", (piece, instead))


def other_lines(change: Callable[[str], str]) -> Plant:
    """The reader of logs sees other lines than the node reported, in the same places."""
    return lambda m: m.setattr(
        emitted, "read_logs", lambda lines, programs: read_logs([change(x) for x in lines], programs)
    )


def other_logs(change: Callable[[Logs], Logs]) -> Plant:
    """The reader of logs says something else than it read."""
    return lambda m: m.setattr(emitted, "read_logs", lambda lines, programs: change(read_logs(lines, programs)))


def other_base64(decode: Callable[[str], bytes]) -> Plant:
    return lambda m: m.setattr(emitted, "pybase64", SimpleNamespace(b64decode=lambda text, *_, **__: decode(text)))


def text_is_data(monkeypatch: pytest.MonkeyPatch) -> None:
    def mutated(lines: Sequence[str], programs: Programs) -> Logs:
        everything = Programs({})
        everything.begins = dict.fromkeys(programs.begins, Everything())
        logs = read_logs(lines, everything)
        return msgspec.structs.replace(logs, lines=[(*one[:4], False) for one in logs.lines])

    monkeypatch.setattr(emitted, "read_logs", mutated)


class Everything(frozenset[str]):
    def __contains__(self, _: object) -> bool:
        return True


def unframed(line: str) -> str:
    """Text that looks like a frame is taken for one."""
    words = line.removeprefix("Program log: ")
    return words if words.startswith("Program ") else line


def failure_anywhere(line: str) -> str:
    return f"Program {D} success" if "failed" in line else line


def uncut(line: str) -> str:
    return "Program log: nothing" if line == "Log truncated" else line


def no_text(line: str) -> str:
    return "Program log: nothing" if line.startswith("Program log: ") else line


def only_before_a_cut(logs: Logs) -> Logs:
    return msgspec.structs.replace(logs, lines=[]) if logs.is_truncated else logs


def no_owner(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every line is ours, whoever wrote it, as readers without a stack do."""

    def mutated(lines: Sequence[str], programs: Programs) -> Logs:
        everybody = Programs({})
        everybody.begins = {name: programs.begins[DRIFT] for name, _ in read_logs(lines, programs).calls}
        logs = read_logs(lines, everybody)
        ours = [(index, n, (DRIFT, call[1]), text, is_text) for index, n, call, text, is_text in logs.lines]
        return msgspec.structs.replace(logs, lines=ours)

    monkeypatch.setattr(emitted, "read_logs", mutated)


def empty_is_null(monkeypatch: pytest.MonkeyPatch) -> None:
    true = protocol.log_payloads
    monkeypatch.setattr(protocol, "log_payloads", lambda tx, programs: true(tx, programs) if tx.logs else ([], None))


ACCOUNTS, OWNER = "i.accounts == accounts", "instructions[parent].program_id == event.program_id"
MUTANTS = [
    # Events by self-CPI.
    Mutant("any account", "another account than the authority", exchanged("instructions", ACCOUNTS, "i.accounts")),
    Mutant("no account", "an account too many or none", exchanged("instructions", ACCOUNTS, "True")),
    Mutant(
        "any program",
        "a forgery in a program of their own",
        exchanged("instructions", " and i.program_id == program_id", ""),
    ),
    Mutant("any caller", "a caller forges it", exchanged("instructions", OWNER, "True")),
    Mutant("any callee", "a callee of ours forges it", exchanged("instructions", OWNER, "True")),
    Mutant("no tag", "no tag", exchanged("instructions", "_tagged(event)", "event.data[8:]")),
    Mutant(
        "the parent is the outer one",
        "depth 9 of events",
        exchanged("instructions", "path.append(instruction)", "path = path[:1]"),
    ),
    Mutant(
        "the parent is the one before",
        "several events at one depth",
        exchanged("instructions", "(path[-1].stack_height or 0) >= height", "False"),
    ),
    # Positions and keys.
    Mutant(
        "inner instructions are counted per outer one",
        "several events at one depth",
        exchanged(
            "rpc.transaction",
            "_instruction(len(found), outer, nested",
            "_instruction(len(found) - outer, outer, nested",
        ),
    ),
    Mutant(
        "loaded keys are forgotten",
        "the program itself out of a lookup table",
        exchanged("rpc.transaction", "if loaded is not None and", "if False and"),
    ),
    # Log lines.
    Mutant("text frames", "text of our program that looks like the end of its frame", other_lines(unframed)),
    Mutant("text frames of others", "text of another program that looks like frames of ours", other_lines(unframed)),
    Mutant("a failure anywhere in a line", "text that only mentions a failure", other_lines(failure_anywhere)),
    Mutant("no owner", "our discriminators printed by another program", no_owner),
    Mutant("no owner while we wait", "a callee prints while our program waits", no_owner),
    Mutant("text is data", "words that are valid base64", text_is_data),
    Mutant("Drift's text is not read", "a fill in Program log", other_lines(no_text)),
    Mutant(
        "lenient base64",
        "base64 with signs that a lenient reader skips",
        other_base64(lambda text: b64decode(text.encode("ascii", "ignore") + b"==")),
    ),
    Mutant(
        "chunks are joined",
        "several chunks are no event",
        other_base64(lambda text: b"".join(b64decode(chunk) for chunk in text.split(" "))),
    ),
    Mutant(
        "unknown text is a failure",
        "text one bit beside our discriminator",
        exchanged("protocol", "if payload.is_text:", "if False:"),
    ),
    # Truncation.
    Mutant("it goes on behind a cut", "behind the cut even whole frames are not believed", other_lines(uncut)),
    Mutant("a lost frame is believed", "a payload behind the cut has no owner", other_lines(uncut)),
    Mutant("nothing counts before a cut", "what stands before the cut counts", other_logs(only_before_a_cut)),
    Mutant(
        "a cut is not told",
        "what stands before the cut counts",
        exchanged("emitted", "if not contradiction and not logs.is_truncated:", "if not contradiction:"),
    ),
    # Logs and tree together.
    Mutant(
        "they are not compared",
        "the tree has another program in that place",
        lambda m: m.setattr(emitted, "_contradiction", lambda _, __: None),
    ),
    Mutant(
        "depths are not compared",
        "the tree nests what the logs do not",
        exchanged("emitted", "one.stack_height not in (None, depth)", "False"),
    ),
    Mutant("empty logs are no logs", "logs are recorded and empty", empty_is_null),
    Mutant("precompiles log", "a precompile logs nothing", lambda m: m.setattr(emitted, "PRECOMPILES", frozenset())),
    # What becomes of a payload.
    Mutant("failures count", "a failed transaction", exchanged("protocol", "if not tx.succeeded:", "if False:")),
    Mutant(
        "a surplus drops its record",
        "a payload that is too long",
        exchanged("protocol", "return Event(layout.name, surplus.fields, payload), failure", "return None, failure"),
    ),
]


@pytest.mark.parametrize("mutant", [pytest.param(mutant, id=mutant.name) for mutant in MUTANTS])
def test_a_mutant_is_noticed(mutant: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
    case = next(case for case in CASES if case.name == mutant.noticed_by)
    assert outcome(case) == sorted(case.found), "the case must hold without the mutant"
    protocols()  # Made before: the mutants are in how transactions are read, not in layouts.
    mutant.plant(monkeypatch)
    assert outcome(case) != sorted(case.found)


# Those that random worlds must notice without anybody having thought of them.
BLUNT = ["any account", "any caller", "no tag", "no owner", "text is data", "chunks are joined"]
BLUNT += ["inner instructions are counted per outer one", "Drift's text is not read"]


@pytest.mark.parametrize("name", BLUNT)
def test_random_worlds_notice_it_too(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    protocols()
    next(mutant for mutant in MUTANTS if mutant.name == name).plant(monkeypatch)
    assert any(is_noticed(seed) for seed in range(300))


def is_noticed(seed: int) -> bool:
    frames = world(seed).frames
    tx = parse_transaction(as_json(transaction(*frames)))
    try:
        return told(process(tx, protocols(), Reference())) != Truth(frames).found
    except (LookupError, ValueError, TypeError, AttributeError):
        return True


def test_every_mutant_has_a_name_of_its_own() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)


def outcome(case: Case) -> Any:
    """What the case gives; an exception is an outcome too, and no case states one."""
    try:
        return found(parse_transaction(as_json(case.tx, case.loaded, case.heights)))
    except (Malformed, LookupError, ValueError, TypeError, AttributeError) as error:
        return repr(error)
