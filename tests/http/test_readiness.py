"""Ready: what has to hold, each thing by itself, and what is said where it does not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from indexer.http.facts import Facts
from indexer.http.readiness import BEHIND_SLOTS, Lack, Rhythm, lacking
from indexer.http.trouble import Trouble

RHYTHM = Rhythm(rolls_s=60.0, refresh_s=300.0)
STREAM: dict[str, Any] = {
    "protocol": "drift", "alive": True, "wanted_from": 100, "heard_s_ago": 1, "lag_slots": 10, "missing_slots": 10,
    "unavailable_slots": 0,
}  # fmt: skip
ROLLUP: dict[str, Any] = {
    "name": "hours", "kind": "rollup", "waiting": 3, "error": None, "has_failed": False, "age_s": "2",
    "waiting_s": "30",
}  # fmt: skip
VIEW: dict[str, Any] = {
    **ROLLUP,
    "name": "perps.tvl_daily",
    "kind": "materialized view",
    "waiting": None,
    "waiting_s": None,
}


def facts(stream: dict[str, Any] = {}, rollup: dict[str, Any] = {}, view: dict[str, Any] = {}) -> Facts:  # noqa: B006 (read only)
    return Facts([{**STREAM, **stream}], [], [{**ROLLUP, **rollup}, {**VIEW, **view}], [])


def lacks(found: Facts | Trouble, streams: Sequence[str] | None = None) -> list[Lack]:
    return lacking(found, streams, RHYTHM)


def test_all_well_lacks_nothing() -> None:
    assert lacks(facts()) == []
    assert lacks(facts(), ["drift"]) == []


@pytest.mark.parametrize(
    ("changed", "code", "subject"),
    [
        ({"stream": {"alive": False, "heard_s_ago": 20}}, "no_daemon", "drift"),
        ({"stream": {"lag_slots": BEHIND_SLOTS + 1}}, "behind", "drift"),
        ({"stream": {"missing_slots": BEHIND_SLOTS + 1}}, "missing", "drift"),
        ({"stream": {"wanted_from": None}}, "not_started", None),
        ({"rollup": {"waiting_s": "241"}}, "rollup_late", "hours"),
        ({"rollup": {"waiting_s": None, "age_s": "241"}}, "rollup_late", "hours"),
        ({"rollup": {"waiting_s": None, "age_s": None}}, "rollup_late", "hours"),
        ({"rollup": {"has_failed": True, "error": "why"}}, "aggregate_failed", "hours"),
        ({"view": {"age_s": "961"}}, "view_late", "perps.tvl_daily"),
        ({"view": {"age_s": None}}, "view_late", "perps.tvl_daily"),
        ({"view": {"has_failed": True, "error": "why"}}, "aggregate_failed", "perps.tvl_daily"),
    ],
)
def test_each_thing_that_lacks_is_named(changed: dict[str, Any], code: str, subject: str | None) -> None:
    (lack,) = lacks(facts(**changed))
    assert (lack.code, lack.subject) == (code, subject)


@pytest.mark.parametrize(
    "changed",
    [
        {"stream": {"lag_slots": BEHIND_SLOTS, "missing_slots": BEHIND_SLOTS}},
        {"stream": {"unavailable_slots": 10_000}},
        {"stream": {"lag_slots": None, "missing_slots": 0}},
        {"rollup": {"waiting": 0, "waiting_s": None, "age_s": None}},
        {"rollup": {"waiting_s": "239"}},
        {"view": {"age_s": "959"}},
    ],
)
def test_what_is_in_order_is_not_named(changed: dict[str, Any]) -> None:
    assert lacks(facts(**changed)) == []


def test_only_what_is_indexed_counts() -> None:
    of_before = facts(stream={"alive": False})
    assert lacks(of_before, ["gmx_solana"])[0] == Lack("not_started", "gmx_solana", "no daemon has begun with it")
    assert [lack.code for lack in lacks(of_before)] == ["no_daemon"]


def test_a_database_that_does_not_answer_is_all_that_is_said() -> None:
    assert lacks(Trouble("database_unavailable", "away", "look")) == [Lack("database", None, "away", "look")]
