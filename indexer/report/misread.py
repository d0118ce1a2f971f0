"""What `idl check` prints: what each program publishes, beside what we would misread of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from indexer.core.misreading import Finding
from indexer.report import records

Outcome = Literal["same", "differs", "misread", "unreadable", "not_published"]


class Checked(msgspec.Struct, frozen=True):
    """One published IDL beside our file; or, of a program that publishes none, the file alone.

    `account`: `anchor` or `program-metadata`. `differs`: by what is no trouble. `misread`: rows would be wrong or
    missing. `unreadable`: nothing can be told, `reason` says why.
    """

    protocol: str
    file: str
    program_id: str
    outcome: Outcome
    account: str | None = None
    key: str | None = None
    dialect: str | None = None
    version: str | None = None
    reason: str | None = None
    findings: tuple[Finding, ...] = ()

    @property
    def wants_a_person(self) -> bool:
        return self.outcome in ("misread", "unreadable")


def outcome_of(findings: Sequence[Finding]) -> Outcome:
    if any(one.is_misread for one in findings):
        return "misread"
    return "differs" if findings else "same"


def text(checked: Sequence[Checked]) -> str:
    """A line for each IDL, then one for each difference, what would be misread first."""
    heads = [_head(one) for one in checked]
    lines = [(one, found) for one in checked for found in one.findings]
    rows = [_row(one, found) for one, found in sorted(lines, key=lambda pair: not pair[1].is_misread)]
    reasons = [f"\n{one.file}: {one.reason}\n" for one in checked if one.reason]
    return "".join([records.table(heads), *reasons, *(["\n", records.table(rows)] if rows else [])])


def _head(one: Checked) -> records.Row:
    return {
        "file": one.file,
        "program": one.program_id,
        "outcome": one.outcome.replace("_", " "),
        "account": one.account,
        "dialect": one.dialect,
        "version": one.version,
    }


def _row(one: Checked, found: Finding) -> records.Row:
    return {
        "file": one.file,
        "misread": "MISREAD" if found.is_misread else "no",
        "part": found.part,
        "name": found.name,
        "problem": found.problem.replace("_", " "),
        "detail": found.detail,
    }
