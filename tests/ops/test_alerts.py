"""Alerts: each names a metric that is there, waits, has a severity, a section of the guide and a unit test."""

from __future__ import annotations

import os
import re
import subprocess
from typing import Any

import pytest
import yaml

from tests.ops.metrics import REPOSITORY, named, strangers, told

PROMETHEUS = REPOSITORY / "config/prometheus"
GROUPS = yaml.safe_load((PROMETHEUS / "rules/perps.yml").read_text())["groups"]
ALERTS = {rule["alert"]: rule for group in GROUPS for rule in group["rules"]}
WORLDS = yaml.safe_load((REPOSITORY / "tests/ops/alerts.yml").read_text())["tests"]
GUIDE = (REPOSITORY / "OPERATING.md").read_text(encoding="utf-8")
each = pytest.mark.parametrize("alert", ALERTS.values(), ids=list(ALERTS))


@each
def test_an_alert_waits_and_says_how_bad_it_is(alert: dict[str, Any]):
    assert re.fullmatch(r"[1-9]\d*[mh]", alert["for"])
    assert alert["labels"]["severity"] in ("critical", "warning")
    assert {"summary", "description", "runbook"} == alert["annotations"].keys()


@each
def test_an_alert_names_metrics_and_labels_that_are_there(alert: dict[str, Any]):
    assert named(alert["expr"])
    assert strangers(alert["expr"], *alert["annotations"].values()) == set()


@each
def test_the_guide_says_what_an_alert_means_and_what_to_do(alert: dict[str, Any]):
    name = alert["alert"]
    assert alert["annotations"]["runbook"] == f"OPERATING.md#{name.lower()}"
    (section,) = re.findall(rf"^### {name}\n(.*?)(?=^##)", GUIDE + "\n##", re.MULTILINE | re.DOTALL)
    assert re.search(r"^\*\*Do:?\*\*", section, re.MULTILINE)


def test_the_guide_has_no_section_of_an_alert_that_is_gone():
    assert sorted(re.findall(r"^### (Perps\w+)$", GUIDE, re.MULTILINE)) == sorted(ALERTS)


@each
def test_a_unit_test_sees_an_alert_silent_and_then_firing(alert: dict[str, Any]):
    fires = f'{{alertname="{alert["alert"]}"}}'
    worlds = [world["promql_expr_test"] for world in WORLDS]
    assert any(
        any(told_of(moment, fires) for moment in world) and any(not told_of(moment, fires) for moment in world)
        for world in worlds
    )


def told_of(moment: dict[str, Any], fires: str) -> bool:
    return any(sample["labels"] == fires for sample in moment.get("exp_samples", ()))


def test_the_healthy_world_has_every_metric_that_an_alert_names():
    healthy = {name for series in WORLDS[0]["input_series"] for name in named(series["series"])}
    assert healthy == {name for alert in ALERTS.values() for name in named(alert["expr"])}


@pytest.mark.skipif(not os.environ.get("PROMTOOL"), reason="promtool is asked by `make ops`")
@pytest.mark.parametrize(
    ("there", "instead"),
    [
        ("up{job=\"perps\"} == 0 or absent", "up{job=\"perps\"} == 2 or absent"),
        (" or absent(up{job=\"perps\"})", ""),
        ("perps_lag_seconds > 900", "perps_lag_seconds > 90000"),
        ("perps_lag_seconds > 60\n        for: 5m", "perps_lag_seconds > 60\n        for: 1m"),
        ("and delta(perps_missing_slots[1h]) >= 0", ""),
        (" unless perps_unknown_events_total offset 1h) > 0", ") > 1e9"),
        ("changes(perps_head_slot[5m]) == 0", "changes(perps_head_slot[5m]) >= 0"),
        ("> 0.01) > 0.2", ") > 0.2"),
        ("max by (instance) (perps_endpoint_up)", "min by (instance) (perps_endpoint_up)"),
        ("perps_unexplained_gaps{cause!=\"bounded\"} > 0", "perps_unexplained_gaps > 0"),
        (" and perps_unexplained_gaps{cause=\"bounded\"} offset 1d > 0", ""),
        ("unless perps_second_opinion_differing_total offset 1d", "unless perps_second_opinion_differing_total"),
        ("or predict_linear(perps_disk_free_bytes[6h], 24 * 3600) < 0", ""),
    ],
)  # fmt: skip
def test_the_unit_tests_notice_a_rule_that_is_wrong(tmp_path: Any, there: str, instead: str):
    rules = (PROMETHEUS / "rules/perps.yml").read_text()
    assert rules.count(there) == 1
    (tmp_path / "rules.yml").write_text(rules.replace(there, instead))
    tests = (REPOSITORY / "tests/ops/alerts.yml").read_text()
    (tmp_path / "tests.yml").write_text(tests.replace("../../config/prometheus/rules/perps.yml", "rules.yml"))
    done = subprocess.run(
        ["promtool", "test", "rules", tmp_path / "tests.yml"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stdout


def test_every_metric_is_told_once():
    names = re.findall(r"^\| `((?:perps|process)_\w+)(?:\{[\w, ]*\})?` \| (?!change|read)", GUIDE, re.MULTILINE)
    assert sorted(names) == sorted(told().keys() - {"up", "ALERTS"})
