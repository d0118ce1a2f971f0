"""The metrics that OPERATING.md tells of: what alerts and dashboards may name."""

from __future__ import annotations

import re
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
EVERYWHERE = {"instance", "job"}  # What Prometheus adds to every series.
OF_ALERTS = {"alertname", "alertstate", "severity"}


def told() -> dict[str, set[str]]:
    """The labels of each metric, by its name; those of ALERTS and up beside them."""
    text = (REPOSITORY / "OPERATING.md").read_text(encoding="utf-8")
    (section,) = re.findall(r"^### Metrics\n(.*?)^## ", text, re.MULTILINE | re.DOTALL)
    cells = re.findall(r"^\| `(\w+)(?:\{([\w, ]*)\})?` \|", section, re.MULTILINE)
    metrics = {
        name: set(re.findall(r"\w+", labels)) for name, labels in cells if name.startswith(("perps_", "process_"))
    }
    return {**metrics, "up": set(), "ALERTS": OF_ALERTS.union(*metrics.values())}


def named(expression: str) -> set[str]:
    """The metrics of a PromQL expression."""
    return set(re.findall(r"\b(?:perps_\w+|process_\w+|up|ALERTS)\b", _without_strings(expression)))


def labels(expression: str) -> set[str]:
    """The labels by which it selects and groups."""
    bare = _without_strings(expression)
    grouped = re.findall(r"\b(?:by|without|on)\s*\(([^)]*)\)", bare)
    return set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=(?!=))", bare)) | set(re.findall(r"\w+", " ".join(grouped)))


def strangers(expression: str, *texts: str) -> set[str]:
    """What is in no metric: names of metrics, labels, and labels that templates `{{...}}` of `texts` show."""
    known = told()
    metrics = named(expression)
    shown = {name for text in texts for name in re.findall(r"\{\{\s*(?:\$labels\.)?(\w+)\s*\}\}", text)}
    there = EVERYWHERE.union(*(known.get(name, set()) for name in metrics))
    return (metrics - set(known)) | ((labels(expression) | shown) - there)


def _without_strings(expression: str) -> str:
    return re.sub(r'"[^"]*"', '""', expression)
